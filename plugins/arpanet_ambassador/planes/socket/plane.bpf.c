// SPDX-License-Identifier: (MIT OR GPL-2.0)
/* The socket plane: a link's address is translated once, when a socket is connected.
 *
 *     connect()  sendto() --- spaces: is this a client's? --- links: what is dialled
 *         |                                                     |
 *         +-- rewritten <--- pools: one of the targets <--------+   or refused, at once
 *         |
 *     getpeername()  recvfrom() <--- usual, ways: what the app had dialled
 *
 * Nothing is done, and nothing noted, for who lives in no space of a client's.
 */
#include <linux/bpf.h>
#include <linux/in.h>
#include <stdbool.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "maps.h"

#define SOCK_STREAM 1
#define MPTCP 262
#define ECONNREFUSED 111
#define MAPPED bpf_htonl(0x0000ffff)
#define LOCALHOST bpf_htonl(0x7f000001)
#define LOOPBACK bpf_htonl(0x7f000000) /* as a dialled address: all of 127.0.0.0/8 */
#define RESOLVER bpf_htonl(0x7f00000b) /* Docker's own: 127.0.0.11 */

/* Set before loading: 0 for kernels before 5.18, which have no bpf_set_retval. */
const volatile __u32 has_retval = 1;

enum family { IPV4, IPV6, ANY };
enum outcome { PASS, TRANSLATED, REFUSED };

static __always_inline bool is_ipv4(const struct address *address)
{
	return !(address->ip[0] | address->ip[1]) && address->ip[2] == MAPPED;
}

static __always_inline bool is_localhost6(const struct address *address)
{
	return !(address->ip[0] | address->ip[1] | address->ip[2]) &&
	       address->ip[3] == bpf_htonl(1);
}

static __always_inline bool is_loopback4(const struct address *address)
{
	return is_ipv4(address) && (address->ip[3] & bpf_htonl(0xff000000)) == LOOPBACK;
}

static __always_inline bool same(const struct address *one, const struct address *other)
{
	return !((one->ip[0] ^ other->ip[0]) | (one->ip[1] ^ other->ip[1]) |
		 (one->ip[2] ^ other->ip[2]) | (one->ip[3] ^ other->ip[3]) |
		 (one->port ^ other->port));
}

static __always_inline __u64 space_of(struct bpf_sock_addr *ctx)
{
	__u64 space = bpf_get_netns_cookie(ctx);
	__u32 *kind = bpf_map_lookup_elem(&spaces, &space);

	if (kind && *kind == BY_CGROUP) {
		space = bpf_get_current_cgroup_id() | CGROUP;
		kind = bpf_map_lookup_elem(&spaces, &space);
	}
	return kind ? space : 0;
}

static __always_inline void note(const struct dialled *key, const struct address *dialled,
				 const struct address *target)
{
	struct flow flow = { .space = key->space, .dialled = *dialled, .target = *target,
			     .proto = key->proto };
	struct traffic *old = bpf_map_lookup_elem(&flows, &flow);

	if (old) {
		__sync_fetch_and_add(&old->count, 1);
		old->last = bpf_ktime_get_coarse_ns();
	} else {
		struct traffic new = { .count = 1, .last = bpf_ktime_get_coarse_ns() };

		bpf_map_update_elem(&flows, &flow, &new, BPF_NOEXIST);
	}
}

/* The exact address first: a name of its own has an address of its own. */
static __always_inline struct link *link_of(struct dialled *key)
{
	struct link *link;

	if (is_localhost6(&key->address)) {
		key->address.ip[2] = MAPPED;
		key->address.ip[3] = LOCALHOST;
	}
	link = bpf_map_lookup_elem(&links, key);
	if (!link && is_loopback4(&key->address) && key->address.ip[3] != RESOLVER) {
		key->address.ip[3] = LOOPBACK;
		link = bpf_map_lookup_elem(&links, key);
	}
	return link;
}

static __always_inline bool choose(const struct pool *pool, enum family family, __u32 turn,
				   struct address *target)
{
	__u32 first = 0, count = pool->ipv4;

	if (family == IPV6 || (family == ANY && !count)) {
		first = pool->ipv4;
		count = pool->ipv6;
	}
	if (!count)
		return false;
	*target = pool->targets[(first + turn % count) & (TARGETS - 1)];
	return true;
}

/* Whether a connection need not keep what it dialled, which costs more than all else here. A target
 * that is dialled itself is unusual where a link leads to it.
 */
static __always_inline bool is_usual(__u64 space, const struct address *dialled,
				     const struct address *target, bool linked)
{
	struct dialled key = { .space = space, .address = *target, .proto = IPPROTO_TCP };
	struct address *known = bpf_map_lookup_elem(&usual, &key);

	if (!known) {
		if (!linked || !bpf_map_update_elem(&usual, &key, dialled, BPF_NOEXIST))
			return true;
		known = bpf_map_lookup_elem(&usual, &key); /* another processor was faster */
	}
	return known && same(known, dialled);
}

/* Keep what was dialled, with the socket; tell whether this is news. */
static __always_inline bool remember(struct bpf_sock_addr *ctx, bool stream,
				     const struct address *dialled, const struct address *target)
{
	struct bpf_sock *sk = ctx->sk;
	struct ways *kept;
	__u32 slot = 0;

	if (!sk)
		return true;
	kept = bpf_sk_storage_get(&ways, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!kept)
		return true;
	if (!stream) {
#pragma unroll
		for (int i = 0; i < WAYS; i++)
			if (same(&kept->way[i].dialled, dialled) &&
			    same(&kept->way[i].target, target))
				return false;
		slot = kept->next++ % WAYS;
	}
	kept->way[slot].dialled = *dialled;
	kept->way[slot].target = *target;
	return true;
}

/* Put what was dialled in the place of *from*, which it was translated to. */
static __always_inline bool recall(struct bpf_sock_addr *ctx, struct address *from)
{
	struct dialled key = { .address = *from, .proto = IPPROTO_TCP };
	struct bpf_sock *sk = ctx->sk;
	struct ways *kept = sk ? bpf_sk_storage_get(&ways, sk, 0, 0) : 0;
	struct address *known;

	if (kept) {
#pragma unroll
		for (int i = 0; i < WAYS; i++)
			if (same(&kept->way[i].target, from)) {
				*from = kept->way[i].dialled;
				return true;
			}
	}
	if (ctx->type != SOCK_STREAM)
		return false;
	key.space = space_of(ctx);
	known = key.space ? bpf_map_lookup_elem(&usual, &key) : 0;
	if (!known)
		return false;
	*from = *known;
	return true;
}

/* Where a dial is to go. All that one datagram socket sends to an address goes to one target. */
static __always_inline enum outcome dial(struct bpf_sock_addr *ctx, enum family family,
					 bool datagram, const struct address *dialled,
					 struct address *target)
{
	struct dialled key = { .address = *dialled };
	bool stream = ctx->type == SOCK_STREAM;
	enum outcome came = PASS;
	struct link *link;
	struct pool *pool;
	bool news = true;
	__u32 turn;

	key.proto = ctx->protocol == MPTCP ? IPPROTO_TCP : ctx->protocol;
	if (key.proto != IPPROTO_TCP && key.proto != IPPROTO_UDP)
		return PASS;
	key.space = space_of(ctx);
	if (!key.space)
		return PASS;
	link = link_of(&key);
	if (link) {
		link->last = bpf_ktime_get_coarse_ns();
		pool = bpf_map_lookup_elem(&pools, &link->pool);
		turn = datagram ? bpf_get_socket_cookie(ctx)
				: __sync_fetch_and_add(&link->turn, 1);
		came = pool && choose(pool, family, turn, target) ? TRANSLATED : REFUSED;
	} else if (is_loopback4(&key.address)) {
		return PASS; /* an app that talks to itself */
	} else {
		*target = *dialled;
	}
	if (came != REFUSED &&
	    (stream ? !is_usual(key.space, dialled, target, !!link) : !!link))
		news = remember(ctx, stream, dialled, target);
	if (link && came == REFUSED)
		__sync_fetch_and_add(&link->refused, 1);
	else if (link && news)
		__sync_fetch_and_add(&link->made, 1);
	note(&key, dialled, target);
	return came;
}

static __always_inline int out4(struct bpf_sock_addr *ctx, bool datagram)
{
	struct address target = {}, dialled = {
		.ip = { 0, 0, MAPPED, ctx->user_ip4 },
		.port = ctx->user_port,
	};

	switch (dial(ctx, IPV4, datagram, &dialled, &target)) {
	case PASS:
		return 1;
	case REFUSED:
		if (has_retval) {
			bpf_set_retval(-ECONNREFUSED);
			return 0;
		}
		/* nobody can listen on port 0: the kernel itself refuses */
		ctx->user_ip4 = LOCALHOST;
		ctx->user_port = 0;
		return 1;
	case TRANSLATED:
		ctx->user_ip4 = target.ip[3];
		ctx->user_port = target.port;
	}
	return 1;
}

static __always_inline void get6(struct bpf_sock_addr *ctx, struct address *address)
{
	address->ip[0] = ctx->user_ip6[0];
	address->ip[1] = ctx->user_ip6[1];
	address->ip[2] = ctx->user_ip6[2];
	address->ip[3] = ctx->user_ip6[3];
	address->port = ctx->user_port;
}

static __always_inline void set6(struct bpf_sock_addr *ctx, const struct address *address)
{
	ctx->user_ip6[0] = address->ip[0];
	ctx->user_ip6[1] = address->ip[1];
	ctx->user_ip6[2] = address->ip[2];
	ctx->user_ip6[3] = address->ip[3];
	ctx->user_port = address->port;
}

/* A datagram to a mapped address comes to sendmsg4 by itself; one to an IPv6 address can't become
 * one to IPv4.
 */
static __always_inline int out6(struct bpf_sock_addr *ctx, bool datagram)
{
	struct address target = {}, dialled = {};

	get6(ctx, &dialled);
	switch (dial(ctx, datagram ? IPV6 : ANY, datagram, &dialled, &target)) {
	case PASS:
		return 1;
	case REFUSED:
		if (has_retval) {
			bpf_set_retval(-ECONNREFUSED);
			return 0;
		}
		target.ip[3] = bpf_htonl(1);
		if (!datagram) {
			target.ip[2] = MAPPED;
			target.ip[3] = LOCALHOST;
		}
		target.port = 0;
		break;
	case TRANSLATED:
		break;
	}
	set6(ctx, &target);
	return 1;
}

static __always_inline int in4(struct bpf_sock_addr *ctx)
{
	struct address from = {
		.ip = { 0, 0, MAPPED, ctx->user_ip4 },
		.port = ctx->user_port,
	};

	if (recall(ctx, &from)) {
		ctx->user_ip4 = from.ip[3];
		ctx->user_port = from.port;
	}
	return 1;
}

static __always_inline int in6(struct bpf_sock_addr *ctx)
{
	struct address from = {};

	get6(ctx, &from);
	if (recall(ctx, &from))
		set6(ctx, &from);
	return 1;
}

SEC("cgroup/connect4") int connect4(struct bpf_sock_addr *ctx) { return out4(ctx, false); }
SEC("cgroup/connect6") int connect6(struct bpf_sock_addr *ctx) { return out6(ctx, false); }
SEC("cgroup/sendmsg4") int sendmsg4(struct bpf_sock_addr *ctx) { return out4(ctx, true); }
SEC("cgroup/sendmsg6") int sendmsg6(struct bpf_sock_addr *ctx) { return out6(ctx, true); }
SEC("cgroup/recvmsg4") int recvmsg4(struct bpf_sock_addr *ctx) { return in4(ctx); }
SEC("cgroup/recvmsg6") int recvmsg6(struct bpf_sock_addr *ctx) { return in6(ctx); }
SEC("cgroup/getpeername4") int getpeername4(struct bpf_sock_addr *ctx) { return in4(ctx); }
SEC("cgroup/getpeername6") int getpeername6(struct bpf_sock_addr *ctx) { return in6(ctx); }

char LICENSE[] SEC("license") = "Dual MIT/GPL";
