#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

extern const char *greet(void);

int main(int argc, char **argv) {
	if (argc > 1 && !strcmp(argv[1], "--self-test"))
		return strlen(greet()) > 20 ? 0 : 1;
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(argc > 1 ? atoi(argv[1]) : 8080)};
	int s = socket(AF_INET, SOCK_STREAM, 0), one = 1;
	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(s, (struct sockaddr *)&at, sizeof at) || listen(s, 16)) {
		perror("listen");
		return 1;
	}
	for (;;) {
		char request[4096];
		int c = accept(s, 0, 0);
		if (c < 0)
			continue;
		if (read(c, request, sizeof request) > 0 && write(c, greet(), strlen(greet())) < 0)
			perror("write");
		close(c);
	}
}
