/*
 * Makes large simulations faster on Linux (docs/SIMULATOR.md, "Memory and speed"). V8 maps each 256 KiB page of its heap
 * at an address of its own choice, at random in 64 TiB. So every page has page tables to itself, none can be part of a
 * huge page, and whoever reads objects here and there, as a mesh of ten thousand peers does, waits for page tables more
 * than for anything else. This library takes the place of four functions of libc, and puts those pages side by side in one
 * region, which the kernel may back with huge pages (madvise; /sys/kernel/mm/transparent_hugepage/enabled must not say
 * "never"). What it is not asked for goes to the kernel unchanged.
 *
 *   cc -O2 -shared -fPIC -o heap-pages.so docs/heap-pages.c
 *   LD_PRELOAD=$PWD/heap-pages.so musubi sim run hops --peers 10000
 *
 * Only for such runs: pages that V8 gives back stay in the process, to be used again, and guard pages do not guard.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A page of V8's heap, and what V8 asks for to find an aligned one in it; the rest it gives back at once. */
#define PAGE_BYTES (256UL << 10)
#define REQUEST_BYTES (2 * PAGE_BYTES - 4096)
#define HUGE_BYTES (2UL << 20)
/* Address space, not memory. */
#define REGION_BYTES (64UL << 30)
#define PAGES_MAX (REGION_BYTES / PAGE_BYTES)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* Null before the first page, and for ever if the kernel would not give us the region. */
static char *region;
static int is_tried;
static uint32_t pages_used;
/* Pages that came back, the last of them first. */
static uint32_t *free_pages;
static uint32_t free_count;

static void *map(void *hint, size_t bytes, int access, int flags, int file, off_t offset) {
  return (void *)syscall(SYS_mmap, hint, bytes, access, flags, file, offset);
}

static void *reserve(size_t bytes) {
  return map(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

static void find_region(void) {
  is_tried = 1;
  char *start = reserve(REGION_BYTES + HUGE_BYTES);
  uint32_t *list = reserve(PAGES_MAX * sizeof *list);
  if (start == MAP_FAILED || list == MAP_FAILED) return;
  free_pages = list;
  region = (char *)(((uintptr_t)start + HUGE_BYTES - 1) & ~(HUGE_BYTES - 1));
  syscall(SYS_madvise, region, REGION_BYTES, MADV_HUGEPAGE);
}

static int is_ours(const void *address) {
  return region != NULL && (const char *)address >= region && (const char *)address < region + REGION_BYTES;
}

/* Null: there is no room. */
static void *take_page(void) {
  char *page = NULL;
  int is_used = 0;
  pthread_mutex_lock(&lock);
  if (!is_tried) find_region();
  if (region != NULL && free_count > 0) {
    page = region + free_pages[--free_count] * PAGE_BYTES;
    is_used = 1;
  } else if (region != NULL && pages_used < PAGES_MAX) {
    page = region + pages_used++ * PAGE_BYTES;
  }
  pthread_mutex_unlock(&lock);
  if (is_used) memset(page, 0, PAGE_BYTES);
  return page;
}

void *mmap(void *hint, size_t bytes, int access, int flags, int file, off_t offset) {
  if ((flags & MAP_FIXED) && is_ours(hint)) return memset(hint, 0, bytes);
  int is_page = hint != NULL && bytes == REQUEST_BYTES && access == PROT_NONE && file == -1 && !(flags & MAP_FIXED);
  void *page = is_page ? take_page() : NULL;
  return page != NULL ? page : map(hint, bytes, access, flags, file, offset);
}

void *mmap64(void *hint, size_t bytes, int access, int flags, int file, off_t offset) __attribute__((alias("mmap")));

int munmap(void *address, size_t bytes) {
  if (!is_ours(address)) return syscall(SYS_munmap, address, bytes);
  /* Anything shorter is the rest of a request. */
  if (bytes != PAGE_BYTES) return 0;
  pthread_mutex_lock(&lock);
  free_pages[free_count++] = ((char *)address - region) / PAGE_BYTES;
  pthread_mutex_unlock(&lock);
  return 0;
}

int mprotect(void *address, size_t bytes, int access) {
  return is_ours(address) ? 0 : syscall(SYS_mprotect, address, bytes, access);
}

int madvise(void *address, size_t bytes, int advice) {
  return is_ours(address) ? 0 : syscall(SYS_madvise, address, bytes, advice);
}
