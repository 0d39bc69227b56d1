/* SPDX-License-Identifier: (MIT OR GPL-2.0) */
/* The maps of the socket plane, as layout.py has them, too.
 *
 * A space is where a client lives: the cookie of its network namespace or, for clients on the
 * host's own network, the id of its cgroup with the highest bit set.
 *
 * An address is always an IPv6 one, IPv4 in its mapped form; addresses and ports are in network
 * byte order. Whatever changes a map's layout or meaning gets a new number in layout.py.
 */
#define TARGETS 128 /* per pool; a power of two */
#define WAYS 4      /* per socket: a datagram socket may use several links at a time */
#define BY_CGROUP 1
#define CGROUP (1ULL << 63)

struct address {
	__u32 ip[4];
	__u16 port;
	__u16 zero;
};

struct dialled { /* key of links; with a target, of usual */
	__u64 space;
	struct address address;
	__u32 proto;
};

struct link {
	__u64 pool;
	__u64 made;
	__u64 refused;
	__u64 last; /* nanoseconds, CLOCK_MONOTONIC_COARSE */
	__u32 turn; /* begins anywhere: not all clients' first connections go to one target */
	__u32 zero;
};

struct pool { /* IPv4 targets, then IPv6 ones */
	__u32 ipv4;
	__u32 ipv6;
	struct address targets[TARGETS];
};

struct way { /* of a socket: datagrams', and what is not the usual one */
	struct address dialled;
	struct address target;
};

struct ways {
	__u32 next;
	struct way way[WAYS];
};

struct flow { /* key of flows; without a target: refused */
	__u64 space;
	struct address dialled;
	struct address target;
	__u32 proto;
	__u32 zero;
};

struct traffic {
	__u64 count;
	__u64 last;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, __u32);
} spaces SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct dialled);
	__type(value, struct link);
} links SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct pool);
} pools SEC(".maps");

/* What a client dials to get to a target: mostly one address, so connections need not keep it. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct dialled);
	__type(value, struct address);
} usual SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct ways);
} ways SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 32768);
	__type(key, struct flow);
	__type(value, struct traffic);
} flows SEC(".maps");
