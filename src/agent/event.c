/*
 * event.c
 *	  Signals, and waiting for them and for sockets together.
 *
 * A signal writes to a pipe that every wait listens to: so none is lost that
 * comes just before a wait. A stop cuts short what waits, and a hangup too.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/event.h"

static volatile sig_atomic_t stopping;
static volatile sig_atomic_t hung_up;
static int	wake_pipe[2];

static void
on_signal(int signal_number)
{
	int			kept = errno;

	if (signal_number == SIGHUP)
		hung_up = 1;
	else
		stopping = 1;
	(void) !write(wake_pipe[1], "", 1);	/* a full pipe wakes as well */
	errno = kept;
}

void
catch_signals(void)
{
	struct sigaction action;

	if (pipe2(wake_pipe, O_CLOEXEC | O_NONBLOCK) != 0)
	{
		perror("pgbeam_agent: pipe");
		exit(1);
	}
	memset(&action, 0, sizeof(action));
	action.sa_handler = on_signal;
	sigemptyset(&action.sa_mask);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

bool
is_stopping(void)
{
	return stopping;
}

/* Whether there was a hangup since this was asked last. */
bool
take_hangup(void)
{
	bool		was = hung_up;

	hung_up = 0;
	return was;
}

/*
 * Waits for a socket, a signal, or a time of now(). Returns whether a socket
 * is ready; the time is over, or a signal is there, where none is.
 */
bool
wait_for(struct pollfd *sockets, int count, int64_t until)
{
	struct pollfd all[SOCKETS_MAX + 1];
	char		drain[64];
	int64_t		left = until - now();

	memcpy(all, sockets, count * sizeof(*sockets));
	all[count] = (struct pollfd) {.fd = wake_pipe[0],.events = POLLIN};
	left = left < 0 ? 0 : earlier(left, MINUTE);
	if (poll(all, count + 1, (int) left) <= 0)
		return false;
	while (read(wake_pipe[0], drain, sizeof(drain)) > 0)
		;
	memcpy(sockets, all, count * sizeof(*sockets));
	for (int i = 0; i < count; i++)
		if (all[i].revents != 0)
			return true;
	return false;
}
