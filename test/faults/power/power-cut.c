// A disk that loses its power before the n-th operation, or refuses it. Preloaded into every process under test.
//
// What a process makes durable is copied to a shadow: the bytes of a file when fsync or fdatasync returns,
// the names in a folder when that folder is fsynced. When the count is reached the process is killed before
// the operation happens, and so is every other process at its next one. Afterwards the shadow *is* the disk
// (rebuild-disk.ts). Writes that were never made durable are logged, so that a rebuild can also keep a
// random part of them, as real disks do.
//
// KEPT_POWER_ROOT    the folder that lies on this disk, a real path
// KEPT_POWER_SHADOW  folder of the shadow: inodes/, folders/, pending/
// KEPT_POWER_STATE   file of six u64: operations so far, cut before this one (0: never), 1 after the cut,
//                    1 to ignore the fsync of folders (for the test of the tests); then two more:
//                    refuse this operation (0: none), and with which errno; full disks refuse all from then on
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <unistd.h>

struct state {
  _Atomic uint64_t operations, cut_at, is_cut, ignores_folders, refuse_at, refusal;
};

static struct state *state;
static char root[PATH_MAX], shadow[PATH_MAX];
static size_t root_length;
static pthread_mutex_t shadow_lock = PTHREAD_MUTEX_INITIALIZER;
/** Set while the shim itself works on files. */
static __thread int inside;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

__attribute__((constructor)) static void plug_in(void) {
  const char *folder = getenv("KEPT_POWER_ROOT"), *place = getenv("KEPT_POWER_SHADOW"), *file = getenv("KEPT_POWER_STATE");
  if (!folder || !place || !file) return;
  int fd = open(file, O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  void *page = mmap(NULL, sizeof(struct state), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (page == MAP_FAILED) return;
  snprintf(root, sizeof root, "%s", folder);
  snprintf(shadow, sizeof shadow, "%s", place);
  root_length = strlen(root);
  state = page;
}

static void die(void) {
  atomic_store(&state->is_cut, 1);
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

/** Counts one operation on the disk; the power fails before it when its turn has come. True when it is refused. */
static int spend(void) {
  if (atomic_load(&state->is_cut)) die();
  uint64_t n = atomic_fetch_add(&state->operations, 1) + 1;
  uint64_t cut_at = atomic_load(&state->cut_at);
  if (cut_at != 0 && n >= cut_at) die();
  uint64_t refuse_at = atomic_load(&state->refuse_at);
  int refusal = (int)atomic_load(&state->refusal);
  // A full disk stays full; another error hits one operation.
  if (refuse_at == 0 || n < refuse_at || (n > refuse_at && refusal != ENOSPC)) return 0;
  errno = refusal;
  return 1;
}

static int on_disk(const char *path) {
  return strncmp(path, root, root_length) == 0 && (path[root_length] == '/' || path[root_length] == 0);
}

static int path_is_on_disk(const char *path) {
  if (!state || inside || !path) return 0;
  char absolute[PATH_MAX];
  if (path[0] == '/') return on_disk(path);
  if (!getcwd(absolute, sizeof absolute)) return 0;
  return on_disk(absolute);
}

static int fd_is_on_disk(int fd) {
  if (!state || inside) return 0;
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length <= 0) return 0;
  path[length] = 0;
  return on_disk(path);
}

/** An inode number may be used again; with its time of birth it names one file for ever. */
static int key_of(int fd, char *key, size_t size, mode_t *mode) {
  struct statx info;
  if (statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME | STATX_TYPE, &info) != 0) return -1;
  *mode = info.stx_mode;
  snprintf(key, size, "%llu-%lld-%u", (unsigned long long)info.stx_ino, (long long)info.stx_btime.tv_sec,
           info.stx_btime.tv_nsec);
  return 0;
}

static void keep_file(int fd, const char *key) {
  char link[64], draft[PATH_MAX + 128], kept[PATH_MAX + 128], pending[PATH_MAX + 128];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  snprintf(draft, sizeof draft, "%s/inodes/.%s.%d", shadow, key, (int)gettid());
  snprintf(kept, sizeof kept, "%s/inodes/%s", shadow, key);
  snprintf(pending, sizeof pending, "%s/pending/%s", shadow, key);
  int from = open(link, O_RDONLY | O_CLOEXEC), to = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (from >= 0 && to >= 0) {
    while (sendfile(to, from, NULL, 1 << 20) > 0) {
    }
    REAL(rename)(draft, kept);
    REAL(unlink)(pending);
  }
  if (from >= 0) close(from);
  if (to >= 0) close(to);
}

static void keep_folder(int fd, const char *key) {
  if (atomic_load(&state->ignores_folders)) return;
  char draft[PATH_MAX + 128], kept[PATH_MAX + 128], link[64];
  snprintf(draft, sizeof draft, "%s/folders/.%s.%d", shadow, key, (int)gettid());
  snprintf(kept, sizeof kept, "%s/folders/%s", shadow, key);
  snprintf(link, sizeof link, "/proc/self/fd/%d/.", fd);
  DIR *folder = opendir(link);
  FILE *list = fopen(draft, "w");
  if (folder && list) {
    for (struct dirent *entry; (entry = readdir(folder));) {
      if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
      int child = openat(dirfd(folder), entry->d_name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
      char child_key[96];
      mode_t mode;
      if (child < 0) continue;
      if (key_of(child, child_key, sizeof child_key, &mode) == 0 && (S_ISREG(mode) || S_ISDIR(mode)))
        fprintf(list, "%c %o %s %s\n", S_ISDIR(mode) ? 'd' : 'f', mode & 0777, child_key, entry->d_name);
      close(child);
    }
  }
  if (folder) closedir(folder);
  if (list) {
    fclose(list);
    REAL(rename)(draft, kept);
  }
}

static int make_durable(int fd, int (*real)(int)) {
  if (!fd_is_on_disk(fd)) return real(fd);
  if (spend()) return -1;
  int result = real(fd);
  if (result != 0) return result;
  int error = errno;
  char key[96];
  mode_t mode;
  pthread_mutex_lock(&shadow_lock);
  inside = 1;
  if (key_of(fd, key, sizeof key, &mode) == 0) S_ISDIR(mode) ? keep_folder(fd, key) : keep_file(fd, key);
  inside = 0;
  pthread_mutex_unlock(&shadow_lock);
  errno = error;
  return result;
}

/** Logs a write that is not durable yet: offset, length, bytes. */
static void log_pending(int fd, const void *bytes, size_t length, off_t offset) {
  char key[96], pending[PATH_MAX + 128];
  mode_t mode;
  pthread_mutex_lock(&shadow_lock);
  inside = 1;
  if (key_of(fd, key, sizeof key, &mode) == 0 && S_ISREG(mode)) {
    snprintf(pending, sizeof pending, "%s/pending/%s", shadow, key);
    int to = open(pending, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (to >= 0) {
      uint64_t head[2] = {(uint64_t)offset, length};
      struct iovec parts[2] = {{head, sizeof head}, {(void *)bytes, length}};
      ssize_t ignored = REAL(writev)(to, parts, 2);
      (void)ignored;
      close(to);
    }
  }
  inside = 0;
  pthread_mutex_unlock(&shadow_lock);
}

static off_t place_of(int fd) {
  int flags = fcntl(fd, F_GETFL);
  return lseek(fd, 0, flags >= 0 && (flags & O_APPEND) ? SEEK_END : SEEK_CUR);
}

int fsync(int fd) { return make_durable(fd, REAL(fsync)); }
int fdatasync(int fd) { return make_durable(fd, REAL(fdatasync)); }

ssize_t write(int fd, const void *bytes, size_t length) {
  if (!fd_is_on_disk(fd)) return REAL(write)(fd, bytes, length);
  if (spend()) return -1;
  off_t offset = place_of(fd);
  ssize_t written = REAL(write)(fd, bytes, length);
  if (written > 0) log_pending(fd, bytes, written, offset);
  return written;
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) {
  if (!fd_is_on_disk(fd)) return REAL(pwrite)(fd, bytes, length, offset);
  if (spend()) return -1;
  ssize_t written = REAL(pwrite)(fd, bytes, length, offset);
  if (written > 0) log_pending(fd, bytes, written, offset);
  return written;
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) { return pwrite(fd, bytes, length, offset); }

int ftruncate(int fd, off_t length) {
  if (fd_is_on_disk(fd) && spend()) return -1;
  return REAL(ftruncate)(fd, length);
}

int ftruncate64(int fd, off64_t length) { return ftruncate(fd, length); }

int rename(const char *from, const char *to) {
  if (path_is_on_disk(to) && spend()) return -1;
  return REAL(rename)(from, to);
}

int unlink(const char *path) {
  if (path_is_on_disk(path) && spend()) return -1;
  return REAL(unlink)(path);
}

int mkdir(const char *path, mode_t mode) {
  if (path_is_on_disk(path) && spend()) return -1;
  return REAL(mkdir)(path, mode);
}
