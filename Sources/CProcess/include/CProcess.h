#ifndef POSTRIDER_CPROCESS_H
#define POSTRIDER_CPROCESS_H

#include <sys/types.h>

// What Swift cannot say: between fork and exec only async-signal-safe calls are allowed, so the few steps
// that posix_spawn lacks (parent death signal, change of user) are written in C.

/// The descriptor as which a child finds `opened_directory`.
#define CHILD_DIRECTORY_DESCRIPTOR 9

struct child_request {
  const char *path;
  char *const *arguments;
  char *const *environment;
  /// Working directory, entered before privileges are dropped; NULL: the parent's.
  const char *directory;
  /// Opened before privileges are dropped and left open as CHILD_DIRECTORY_DESCRIPTOR, so that a child that
  /// may not search the directories above it still reaches it as /proc/self/fd/9; NULL: none.
  const char *opened_directory;
  /// Becomes standard output and standard error.
  int output;
  /// Nonzero: become `user` and `group`, with no other groups.
  int change_user;
  uid_t user;
  gid_t group;
  /// The signal that the child gets when the thread that started it ends.
  int death_signal;
};

/// Starts a child in a session of its own.
/// Returns its process id, or -1 with errno set and `*step` naming the call that failed.
pid_t child_start(const struct child_request *request, const char **step);

/// A pipe whose two ends are not inherited. Returns 0, or -1 with errno set.
int child_pipe(int ends[2]);

#endif
