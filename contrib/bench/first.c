/* What dials in its first instruction.
 *
 * first serve PORT: says "served" to whoever connects to PORT, and to each datagram that comes there.
 * first tcp|udp HOST PORT [FILE]: dials once, says what came of it; with FILE, adds that there, and stays.
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static const char answer[] = "served\n";

static void serve(const char *port)
{
	struct addrinfo hints = { .ai_family = AF_INET, .ai_flags = AI_PASSIVE }, *found;
	struct pollfd both[2];
	int one = 1;

	for (int i = 0; i < 2; i++) {
		hints.ai_socktype = i ? SOCK_DGRAM : SOCK_STREAM;
		if (getaddrinfo(NULL, port, &hints, &found))
			exit(1);
		both[i].fd = socket(AF_INET, hints.ai_socktype, 0);
		both[i].events = POLLIN;
		setsockopt(both[i].fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
		if (bind(both[i].fd, found->ai_addr, found->ai_addrlen) || (!i && listen(both[i].fd, 1024)))
			exit(1);
	}
	for (;;) {
		poll(both, 2, -1);
		if (both[0].revents) {
			int client = accept(both[0].fd, NULL, NULL);

			if (client >= 0) {
				send(client, answer, sizeof answer - 1, MSG_NOSIGNAL);
				close(client);
			}
		}
		if (both[1].revents) {
			struct sockaddr_storage from;
			socklen_t length = sizeof from;
			char got[64];

			if (recvfrom(both[1].fd, got, sizeof got, 0, (struct sockaddr *)&from, &length) >= 0)
				sendto(both[1].fd, answer, sizeof answer - 1, 0, (struct sockaddr *)&from, length);
		}
	}
}

static const char *dialled(int datagrams, const char *host, const char *port)
{
	static char got[64];
	struct addrinfo hints = { .ai_family = AF_INET }, *found;
	struct timeval patience = { .tv_sec = 10 };
	int trouble, s;

	hints.ai_socktype = datagrams ? SOCK_DGRAM : SOCK_STREAM;
	if ((trouble = getaddrinfo(host, port, &hints, &found)))
		return gai_strerror(trouble);
	s = socket(AF_INET, hints.ai_socktype, 0);
	setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	if (connect(s, found->ai_addr, found->ai_addrlen))
		return strerror(errno);
	if (datagrams && send(s, "?", 1, 0) < 0)
		return strerror(errno);
	trouble = recv(s, got, sizeof got - 1, 0);
	if (trouble < 0)
		return strerror(errno);
	got[strcspn(got, "\n")] = 0;
	return trouble ? got : "closed without a word";
}

int main(int count, char **words)
{
	const char *said;

	if (count == 3)
		serve(words[2]);
	if (count < 4)
		return 2;
	said = dialled(words[1][0] == 'u', words[2], words[3]);
	if (count == 4)
		return puts(said) < 0;
	int file = open(words[4], O_WRONLY | O_APPEND | O_CREAT, 0644);
	if (dprintf(file, "%s\n", said) < 0)
		return 1;
	pause();
	return 0;
}
