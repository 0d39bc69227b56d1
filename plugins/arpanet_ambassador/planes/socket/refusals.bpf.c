// SPDX-License-Identifier: (MIT OR GPL-2.0)
/* Refusals: which instances answered somebody's SYN with a reset.
 *
 *     a reset comes --- watched: is its sender an instance that is looked at here?
 *                         |
 *     the ambassador <--- told (a ring), once a second at most
 *
 * This is no part of what carries links: it is attached for as long as the ambassador lives, and
 * who is not refused does not come here. A reset is all that tells a refusal from an app that has
 * given up: both leave no socket behind.
 */
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define AF_INET 2
#define AF_INET6 10
#define SYN_SENT 2
#define MAPPED bpf_htonl(0x0000ffff)
#define SECOND 1000000000ULL

struct address { /* as maps.h has it */
	__u32 ip[4];
	__u16 port;
	__u16 zero;
};

/* The beginning of the kernel's struct sock_common: so since Linux 3.13 on 64 bits, with network
 * namespaces. One that has another gives addresses that nobody watches.
 */
struct sock {
	__u32 peer;
	__u32 own;
	__u32 hash;
	__u16 port;
	__u16 own_port;
	__u16 family;
	__u8 state;
	__u8 flags;
	__u32 device;
	__u64 node[2];
	__u64 protocol;
	__u64 net;
	__u32 peer6[4];
};

struct { /* its memory is had beforehand: kernels before 6.1 warn of programs at events that have none */
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, struct address);
	__type(value, __u64); /* when it was told last: nanoseconds, CLOCK_MONOTONIC */
} watched SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 65536);
} told SEC(".maps");

SEC("raw_tp/tcp_receive_reset") int refused(struct bpf_raw_tracepoint_args *ctx)
{
	struct address peer = {};
	struct sock sk;
	__u64 now, *last;

	if (bpf_probe_read_kernel(&sk, sizeof(sk), (const void *)ctx->args[0]))
		return 0;
	if (sk.state != SYN_SENT)
		return 0;
	peer.port = sk.port;
	if (sk.family == AF_INET6) {
		__builtin_memcpy(peer.ip, sk.peer6, sizeof(peer.ip));
	} else if (sk.family == AF_INET) {
		peer.ip[2] = MAPPED;
		peer.ip[3] = sk.peer;
	}
	last = bpf_map_lookup_elem(&watched, &peer);
	if (!last)
		return 0;
	now = bpf_ktime_get_ns();
	if (*last && now - *last < SECOND)
		return 0;
	*last = now;
	bpf_ringbuf_output(&told, &peer, sizeof(peer), 0);
	return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
