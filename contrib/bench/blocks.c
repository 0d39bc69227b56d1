/* What a link costs, in blocks of milliseconds.
 *
 * blocks dial IP REDIS ACCEPT SINK: for each line on stdin does one block, prints what it took in ns.
 *     dials      40 x connect, close (a reset), to ACCEPT
 *     once       20 x connect, GET, close, to REDIS
 *     gets       6 x 20 GETs in flight, on 20 connections that stay; prints also the 99th of 100 latencies
 *     bulk       4 MiB on one connection to SINK, until they have arrived
 *     keep N     N more connections to REDIS, each answered once, that stay
 * blocks accept PORT: accepts and closes.    blocks sink PORT: answers a byte for each 4 MiB.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { DIALS = 40, ONCE = 20, FLIGHT = 20, TURNS = 6, BULK = 4 << 20 };

static const char ask[] = "*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n";
static char buffer[1 << 18];
static struct in_addr server;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static int64_t now(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return at.tv_sec * 1000000000LL + at.tv_nsec;
}

static int dial(int port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct linger reset = { 1, 0 };
	int one = 1, s = socket(AF_INET, SOCK_STREAM, 0);

	to.sin_addr = server;
	setsockopt(s, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	if (connect(s, (struct sockaddr *)&to, sizeof to))
		fail("connect");
	setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	return s;
}

static void say(int s)
{
	if (write(s, ask, sizeof ask - 1) != sizeof ask - 1)
		fail("write");
}

static void hear(int s)
{
	if (read(s, buffer, 100) <= 0)
		fail("read");
}

static int once(int port)
{
	int s = dial(port);

	say(s);
	hear(s);
	return s;
}

static int ascending(const void *one, const void *other)
{
	int64_t a = *(const int64_t *)one, b = *(const int64_t *)other;

	return (a > b) - (a < b);
}

static int64_t gets(int port)
{
	static int kept[FLIGHT];
	static int64_t took[FLIGHT * TURNS], asked[FLIGHT];

	for (int i = 0; i < FLIGHT && !kept[FLIGHT - 1]; i++)
		kept[i] = once(port);
	for (int turn = 0; turn < TURNS; turn++) {
		for (int i = 0; i < FLIGHT; i++) {
			asked[i] = now();
			say(kept[i]);
		}
		for (int i = 0; i < FLIGHT; i++) {
			hear(kept[i]);
			took[turn * FLIGHT + i] = now() - asked[i];
		}
	}
	qsort(took, FLIGHT * TURNS, sizeof *took, ascending);
	return took[FLIGHT * TURNS * 99 / 100];
}

static void bulk(int port)
{
	static int kept;

	kept = kept ? kept : dial(port);
	for (int left = BULK; left;) {
		int wrote = write(kept, buffer, left < (int)sizeof buffer ? left : (int)sizeof buffer);

		if (wrote <= 0)
			fail("write");
		left -= wrote;
	}
	hear(kept);
}

static void measure(int redis, int accepts, int sinks)
{
	char line[64];

	while (fgets(line, sizeof line, stdin)) {
		int64_t began = now(), latency = 0;

		if (!strncmp(line, "dials", 5)) {
			for (int i = 0; i < DIALS; i++)
				close(dial(accepts));
		} else if (!strncmp(line, "once", 4)) {
			for (int i = 0; i < ONCE; i++)
				close(once(redis));
		} else if (!strncmp(line, "gets", 4)) {
			latency = gets(redis);
		} else if (!strncmp(line, "bulk", 4)) {
			bulk(sinks);
		} else if (!strncmp(line, "keep ", 5)) {
			for (int i = atoi(line + 5); i > 0; i--)
				once(redis);
		}
		printf("%lld %lld\n", (long long)(now() - began), (long long)latency);
	}
}

static int listener(int port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port) };
	int one = 1, s = socket(AF_INET, SOCK_STREAM, 0);

	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(s, (struct sockaddr *)&at, sizeof at) || listen(s, 4096))
		fail("listen");
	return s;
}

static void *drain(void *connection)
{
	static __thread char into[1 << 18];
	int s = (int)(intptr_t)connection, got;
	int64_t all = 0;

	while ((got = read(s, into, sizeof into)) > 0)
		for (all += got; all >= BULK; all -= BULK)
			if (write(s, "x", 1) != 1)
				break;
	close(s);
	return 0;
}

int main(int count, char **words)
{
	struct rlimit files = { 65536, 65536 };
	int s, c;

	signal(SIGPIPE, SIG_IGN);
	setrlimit(RLIMIT_NOFILE, &files);
	setvbuf(stdout, 0, _IOLBF, 0);
	if (count == 6 && !strcmp(words[1], "dial") && inet_aton(words[2], &server)) {
		measure(atoi(words[3]), atoi(words[4]), atoi(words[5]));
		return 0;
	}
	if (count != 3)
		return 2;
	for (s = listener(atoi(words[2]));;) {
		pthread_t thread;

		if ((c = accept(s, 0, 0)) < 0)
			continue;
		if (!strcmp(words[1], "accept"))
			close(c);
		else if (pthread_create(&thread, 0, drain, (void *)(intptr_t)c))
			close(c);
	}
}
