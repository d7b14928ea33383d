#define _GNU_SOURCE
#include "CProcess.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const step_names[] = {"fork",   "signal mask", "setsid", "chdir",      "open",   "dup2",
                                         "setuid", "prctl",       "parent", "close_range", "execve"};
enum step { FORK, MASK, SETSID, CHDIR, OPEN, DUP, USER, DEATH, PARENT, CLOSE, EXEC };

struct failure {
  int step;
  int error;
};

static void give_up(int report, enum step step) {
  struct failure failure = {step, errno};
  ssize_t ignored = write(report, &failure, sizeof failure);
  (void)ignored;
  _exit(127);
}

// The parent may ignore or block signals (SIGPIPE, SIGTERM); the child starts with none of that.
static int reset_signals(void) {
  for (int signal_number = 1; signal_number < NSIG; signal_number++) signal(signal_number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  return sigprocmask(SIG_SETMASK, &none, NULL);
}

static int take_descriptors(const struct child_request *request) {
  int null = open("/dev/null", O_RDONLY);
  if (null < 0) return -1;
  return dup2(null, 0) < 0 || dup2(request->output, 1) < 0 || dup2(request->output, 2) < 0 ? -1 : 0;
}

static void become(const struct child_request *request, pid_t parent, int report) {
  if (reset_signals() != 0) give_up(report, MASK);
  if (setsid() < 0) give_up(report, SETSID);
  if (request->directory && chdir(request->directory) != 0) give_up(report, CHDIR);
  int opened = -1;
  if (request->opened_directory) {
    opened = open(request->opened_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (opened < 0) give_up(report, OPEN);
  }
  if (take_descriptors(request) != 0) give_up(report, DUP);
  // The report pipe must survive below the descriptors that are closed: park it above the child's own.
  int parked = fcntl(report, F_DUPFD_CLOEXEC, CHILD_DIRECTORY_DESCRIPTOR + 1);
  if (parked < 0) give_up(report, DUP);
  if (opened >= 0 && opened != CHILD_DIRECTORY_DESCRIPTOR) {
    if (dup2(opened, CHILD_DIRECTORY_DESCRIPTOR) < 0) give_up(parked, DUP);
  } else if (opened >= 0) {
    fcntl(opened, F_SETFD, 0);
  }
  if (request->change_user) {
    if (setgroups(0, NULL) != 0 || setgid(request->group) != 0 || setuid(request->user) != 0) give_up(parked, USER);
  }
  // After the change of user, which would clear it.
  if (request->death_signal && prctl(PR_SET_PDEATHSIG, request->death_signal) != 0) give_up(parked, DEATH);
  if (getppid() != parent) give_up(parked, PARENT);
  int first = opened >= 0 ? CHILD_DIRECTORY_DESCRIPTOR : 3;
  if (opened >= 0 && close_range(3, CHILD_DIRECTORY_DESCRIPTOR - 1, 0) != 0) give_up(parked, CLOSE);
  if (close_range(first + (opened >= 0), ~0U, CLOSE_RANGE_CLOEXEC) != 0) give_up(parked, CLOSE);
  execve(request->path, request->arguments, request->environment);
  give_up(parked, EXEC);
}

int child_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC); }

pid_t child_start(const struct child_request *request, const char **step) {
  int report[2];
  *step = step_names[FORK];
  if (child_pipe(report) != 0) return -1;
  pid_t parent = getpid();
  pid_t child = fork();
  if (child == 0) become(request, parent, report[1]);
  close(report[1]);
  if (child < 0) {
    close(report[0]);
    return -1;
  }
  struct failure failure = {0, 0};
  ssize_t count;
  do count = read(report[0], &failure, sizeof failure);
  while (count < 0 && errno == EINTR);
  close(report[0]);
  if (count != (ssize_t)sizeof failure) return child;
  while (waitpid(child, NULL, 0) < 0 && errno == EINTR) continue;
  *step = step_names[failure.step];
  errno = failure.error;
  return -1;
}
