/* What only i386 has of Linux and of the processor: calls of its first years, socketcall and ipc, segments of
 * the program's own, far transfers, decimal and stack instructions that trap, both signal frames, the ways
 * into the kernel. Native and guest are the same program: the host's kernel runs it. */
#include "user.h"

#include <asm/ldt.h>
#include <dirent.h>
#include <setjmp.h>
#include <sys/auxv.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <time.h>
#include <ucontext.h>

static sigjmp_buf env;

static void on_fault(int sig, siginfo_t *si, void *uc)
{
    const greg_t *g = ((ucontext_t *)uc)->uc_mcontext.gregs;
    printf("signal %d code %d address %p number %d error %x\n", sig, si->si_code, si->si_addr, g[REG_TRAPNO],
           g[REG_ERR]);
    siglongjmp(env, 1);
}

#define TRY(what, ...)                                                                                       \
    do {                                                                                                     \
        printf("%s: ", what);                                                                                \
        if (!sigsetjmp(env, 1)) {                                                                            \
            __VA_ARGS__;                                                                                     \
            puts("done");                                                                                    \
        }                                                                                                    \
    } while (0)

/* ---- calls ---- */

static void names(void)
{
    struct {
        char sys[9], node[9], release[9], version[9], machine[9];
    } oldest;
    struct {
        char sys[65], node[65], release[65], version[65], machine[65];
    } old;
    struct utsname u;
    uname(&u);
    SHOW(syscall(SYS_oldolduname, &oldest));
    SHOW(syscall(SYS_olduname, &old));
    SHOW_BOOL(!strncmp(oldest.sys, u.sysname, 8) && !strncmp(oldest.release, u.release, 8) &&
              !oldest.release[8]);
    SHOW_BOOL(!strcmp(old.node, u.nodename) && !strcmp(old.version, u.version));
}

static void times_and_masks(void)
{
    int32_t t = 0;
    long r = syscall(SYS_time, &t);
    SHOW_BOOL(r == t && r - time(NULL) <= 1 && time(NULL) - r <= 1);
    SHOW(syscall(SYS_time, 1));
    SHOW(syscall(SYS_stime, 1));
    close(open("f", O_CREAT | O_WRONLY, 0640));
    int32_t two[2] = {1000, 2000};
    SHOW(syscall(SYS_utime, "f", two));
    struct stat st;
    stat("f", &st);
    printf("%ld %ld\n", (long)st.st_atime, (long)st.st_mtime);
    SHOW(syscall(SYS_utime, "none", NULL));
    SHOW(syscall(SYS_alarm, 0));
    SHOW(syscall(SYS_ssetmask, 0x200));
    SHOW(syscall(SYS_sgetmask));
    SHOW(syscall(SYS_ssetmask, 0));
    uint32_t lim[2];
    SHOW(syscall(76, RLIMIT_CORE, lim));
    struct rlimit now;
    getrlimit(RLIMIT_CORE, &now);
    SHOW_BOOL(lim[0] == (now.rlim_cur > 0x7fffffff ? 0x7fffffff : now.rlim_cur));
}

static void files(void)
{
    struct {
        uint16_t dev, ino, mode, nlink, uid, gid, rdev, pad;
        uint32_t size, atime, mtime, ctime;
    } st;
    /* inode numbers of 16 bits: of /proc there are such */
    long r = syscall(SYS_oldstat, "/proc/self", &st);
    printf("%d\n", r == 0 || errno == EOVERFLOW);
    SHOW(syscall(SYS_oldstat, "none", &st));
    SHOW(syscall(SYS_oldlstat, "none", &st));
    SHOW(syscall(SYS_oldfstat, -1, &st));
    r = syscall(SYS_oldfstat, 1, &st);
    printf("%d\n", r == 0 || errno == EOVERFLOW);
    struct {
        uint32_t ino, off;
        uint16_t len;
        char name[256];
    } d;
    int n = 0, dots = 0, fd;
    mkdir("d", 0755);
    close(open("d/one", O_CREAT | O_WRONLY, 0600));
    fd = open("d", O_RDONLY);
    while ((r = syscall(SYS_readdir, fd, &d, 1)) == 1)
        n++, dots += d.name[0] == '.' && strlen(d.name) == d.len;
    printf("%ld: %d entries, %d with a dot\n", r, n, dots);
    SHOW(syscall(SYS_readdir, -1, &d, 1));
    uint32_t args[6] = {0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1u, 0};
    char *p = (char *)syscall(SYS_mmap, args);
    *p = 1;
    SHOW(munmap(p, 4096));
    args[5] = 1;
    SHOW(syscall(SYS_mmap, args));
    SHOW(syscall(SYS_mmap, 0));
    int pipes[2];
    pipe(pipes);
    write(pipes[1], "x", 1);
    uint32_t set[32] = {1u << pipes[0]}, tv[2] = {1, 0};
    uint32_t sel[5] = {(uint32_t)pipes[0] + 1, (uint32_t)set, 0, 0, (uint32_t)tv};
    SHOW(syscall(SYS_select, sel));
    SHOW_BOOL(set[0] == 1u << pipes[0]);
    SHOW(syscall(SYS_select, 4));
    SHOW(syscall(SYS_umount, "none"));
    int status;
    pid_t child = fork();
    if (!child)
        _exit(5);
    SHOW_BOOL(syscall(SYS_waitpid, child, &status, 0) == child);
    printf("%x\n", status);
    SHOW(syscall(SYS_fadvise64, pipes[0], 0, 0, 0, 0));
    fd = open("f", O_RDWR);
    SHOW(syscall(SYS_fadvise64, fd, 0, 0, 100, 0));
    SHOW(syscall(SYS_fadvise64, fd, 0, 0, 100, 77));
    SHOW(syscall(SYS_fadvise64_64, fd, 0, 0, 100, 0, 0));
    SHOW(syscall(SYS_fadvise64_64, fd, 0, 0, 100, 0, 77));
    SHOW(syscall(SYS_break));
    SHOW(syscall(SYS_arch_prctl, 0x1011, 0)); /* ARCH_GET_CPUID */
    SHOW_BOOL(!syscall(SYS_arch_prctl, 0x1012, 1) || errno == ENODEV); /* ARCH_SET_CPUID, by the processor */
    SHOW(prctl(PR_SET_TSC, PR_TSC_ENABLE));
    SHOW(syscall(SYS_arch_prctl, 0x1002, 0)); /* ARCH_SET_FS, of 64 bits */
}

static void multiplexed(void)
{
    int pair[2], buf = 0;
    long a[6] = {AF_UNIX, SOCK_STREAM, 0, (long)pair};
    SHOW(syscall(SYS_socketcall, 8, a));
    long s[6] = {pair[0], (long)"abcd", 4, 0};
    SHOW(syscall(SYS_socketcall, 9, s));
    long r[6] = {pair[1], (long)&buf, 4, 0};
    SHOW(syscall(SYS_socketcall, 10, r));
    printf("%x\n", buf);
    SHOW(syscall(SYS_socketcall, 0, a));
    SHOW(syscall(SYS_socketcall, 21, a));
    SHOW(syscall(SYS_socketcall, 1, 8));
    long id = syscall(SYS_ipc, 2, IPC_PRIVATE, 2, 0600);
    struct sembuf up = {1, 3, 0};
    SHOW(syscall(SYS_ipc, 1, id, 1, 0, &up));
    long nothing = 0;
    SHOW(syscall(SYS_ipc, 3, id, 1, GETVAL, &nothing));
    SHOW(syscall(SYS_ipc, 3, id, 1, GETVAL, 0));
    SHOW(syscall(SYS_ipc, 3, id, 0, IPC_RMID, &nothing));
    struct {
        long type;
        char text[8];
    } m = {7, "message"}, got = {0};
    id = syscall(SYS_ipc, 13, IPC_PRIVATE, 0600);
    SHOW(syscall(SYS_ipc, 11, id, 8, 0, &m));
    struct {
        void *m;
        long type;
    } old = {&got, 7};
    SHOW(syscall(SYS_ipc, 12, id, 8, 0, &old));
    puts(got.text);
    SHOW(syscall(SYS_ipc, 11, id, 8, 0, &m));
    SHOW(syscall(SYS_ipc, 1 << 16 | 12, id, 8, 0, &got, 7));
    SHOW(syscall(SYS_ipc, 14, id, IPC_RMID, 0, 0));
    id = syscall(SYS_ipc, 23, IPC_PRIVATE, 4096, 0600);
    char *at = NULL;
    SHOW(syscall(SYS_ipc, 21, id, 0, &at, 0));
    at[5] = 1;
    SHOW(syscall(SYS_ipc, 22, 0, 0, 0, at));
    SHOW(syscall(SYS_ipc, 1 << 16 | 21, id, 0, &at, 0));
    SHOW(syscall(SYS_ipc, 24, id, IPC_RMID, 0, 0));
    SHOW(syscall(SYS_ipc, 99, 0, 0, 0, 0));
    /* by calls of their own, which are always of the newer kind */
    struct semid64_ds {
        uint32_t words[16];
    } ds = {{0}};
    id = syscall(SYS_semget, IPC_PRIVATE, 4, 0600);
    SHOW(syscall(SYS_semctl, id, 0, IPC_STAT, &ds));
    printf("%u semaphores\n", ds.words[13]);
    SHOW(syscall(SYS_semctl, id, 0, IPC_RMID, 0));
    SHOW(syscall(SYS_shmctl, syscall(SYS_shmget, IPC_PRIVATE, 4096, 0600), IPC_RMID, 0));
    SHOW(syscall(SYS_msgctl, syscall(SYS_msgget, IPC_PRIVATE, 0600), IPC_RMID, 0));
}

/* ---- the ways into the kernel ---- */

static long by_vdso(long nr, long a)
{
    long r;
    __asm__ volatile("call *%%gs:0x10" : "=a"(r) : "a"(nr), "b"(a) : "memory", "cc");
    return r;
}

static void entries(void)
{
    long entry = (long)getauxval(AT_SYSINFO), base = (long)getauxval(AT_SYSINFO_EHDR);
    SHOW_BOOL(entry > base && entry < base + 8192 && !memcmp((void *)base, "\177ELF", 4));
    SHOW_BOOL(by_vdso(SYS_getpid, 0) == getpid());
    SHOW(by_vdso(SYS_close, -1));
    puts((const char *)getauxval(AT_PLATFORM));
    uint16_t cs, ds, es, ss, fs, gs;
    __asm__("mov %%cs, %0; mov %%ds, %1; mov %%es, %2; mov %%ss, %3; mov %%fs, %4; mov %%gs, %5"
            : "=r"(cs), "=r"(ds), "=r"(es), "=m"(ss), "=m"(fs), "=m"(gs));
    printf("cs %x ds %x es %x ss %x fs %x gs %x\n", cs, ds, es, ss, fs, gs);
}

/* ---- segments ---- */

static uint32_t far_word(unsigned selector, uint32_t offset)
{
    uint32_t v;
    uint16_t r;
    __asm__ volatile("mov %%fs, %w1; mov %w2, %%fs; movl %%fs:(%3), %0; mov %w1, %%fs"
                     : "=&r"(v), "=&r"(r)
                     : "r"(selector), "r"(offset)
                     : "memory");
    return v;
}

static uint32_t words[4] = {11, 22, 33, 44};

static void segments(void)
{
    struct user_desc d = {.entry_number = -1u,
                          .base_addr = (uint32_t)words,
                          .limit = 0xfffff,
                          .seg_32bit = 1,
                          .limit_in_pages = 1,
                          .useable = 1};
    SHOW(syscall(SYS_set_thread_area, &d));
    printf("entry %u\n", d.entry_number);
    unsigned tls = d.entry_number << 3 | 3;
    printf("%u %u\n", far_word(tls, 0), far_word(tls, 8));
    struct user_desc got = {.entry_number = d.entry_number};
    SHOW(syscall(SYS_get_thread_area, &got));
    printf("base %d limit %x flags %d%d%d%d%d%d\n", got.base_addr == (uint32_t)words, got.limit,
           got.seg_32bit, got.contents, got.read_exec_only, got.limit_in_pages, got.seg_not_present,
           got.useable);
    struct user_desc more = d;
    more.entry_number = -1u;
    SHOW(syscall(SYS_set_thread_area, &more));
    more.entry_number = -1u;
    SHOW(syscall(SYS_set_thread_area, &more));
    more.entry_number = 3;
    SHOW(syscall(SYS_set_thread_area, &more));
    SHOW(syscall(SYS_get_thread_area, &more));
    more.entry_number = d.entry_number;
    more.contents = 2;
    SHOW(syscall(SYS_set_thread_area, &more));
    SHOW(syscall(SYS_set_thread_area, 8));
}

static void local_segments(void)
{
    struct user_desc d = {.entry_number = 5,
                          .base_addr = (uint32_t)words,
                          .limit = 0xfffff,
                          .seg_32bit = 1,
                          .limit_in_pages = 1,
                          .useable = 1};
    SHOW(syscall(SYS_modify_ldt, 1, &d, sizeof d));
    printf("%u %u\n", far_word(5 << 3 | 7, 4), far_word(5 << 3 | 7, 12));
    d.base_addr += 4;
    SHOW(syscall(SYS_modify_ldt, 0x11, &d, sizeof d));
    printf("%u\n", far_word(5 << 3 | 7, 4));
    unsigned char raw[64];
    memset(raw, 1, sizeof raw);
    SHOW(syscall(SYS_modify_ldt, 0, raw, 64));
    raw[42] = raw[43] = raw[44] = raw[47] = 0; /* the address */
    for (unsigned k = 32; k < 56; k++)
        printf("%02x%s", raw[k], k % 8 == 7 ? "\n" : "");
    SHOW(syscall(SYS_modify_ldt, 2, raw, 64));
    SHOW(syscall(SYS_modify_ldt, 3, raw, 64));
    SHOW(syscall(SYS_modify_ldt, 1, &d, 8));
    d.entry_number = 8192;
    SHOW(syscall(SYS_modify_ldt, 1, &d, sizeof d));
    d.entry_number = 6;
    d.contents = 3;
    SHOW(syscall(SYS_modify_ldt, 1, &d, sizeof d));
    SHOW(syscall(SYS_modify_ldt, 0x11, &d, sizeof d));
}

static void selectors(void)
{
    TRY("a selector of nothing", far_word(6 << 3 | 7, 0));
    TRY("the kernel's", far_word(0x10, 0));
    static uint32_t pair[2] = {77, 0x2b};
    uint32_t offset;
    __asm__ volatile("push %%es; les %1, %0; pop %%es" : "=r"(offset) : "m"(pair[0]));
    printf("les %u\n", offset);
    __asm__ volatile("push %%fs; lfs %1, %0; pop %%fs" : "=r"(offset) : "m"(pair[0]));
    printf("lfs %u\n", offset);
    pair[1] = 0xffff;
    TRY("lds", __asm__ volatile("lds %1, %0" : "=r"(offset) : "m"(pair[0])));
    uint32_t pushed;
    __asm__ volatile("push $-1; pop %0; push %%ds; pop %0" : "=r"(pushed));
    if (!OF_AMD) /* the upper half is each maker's own */
        pushed &= 0xffff;
    printf("push ds %x\n", pushed);
}

static void far_transfers(void)
{
    static uint32_t v, target[2];
    __asm__ volatile("lcall $0x23, $1f; jmp 2f; 1: incl %0; lret; 2:" : "+m"(v)::"memory");
    printf("lcall %u\n", v);
    __asm__ volatile("ljmp $0x23, $1f; incl %0; 1: addl $10, %0" : "+m"(v)::"memory");
    printf("ljmp %u\n", v);
    __asm__ volatile("movl $1f, %1; movl $0x23, 4+%1; ljmp *%1; incl %0; 1: addl $10, %0; "
                     "movl $3f, %1; lcall *%1; jmp 2f; 3: addl $100, %0; lret; 2:"
                     : "+m"(v), "+m"(target)::"memory");
    printf("by memory %u\n", v);
    __asm__ volatile("pushf; push %%cs; push $1f; iret; incl %0; 1: addl $1000, %0" : "+m"(v)::"memory");
    printf("iret %u\n", v);
    TRY("another code segment", __asm__ volatile("ljmp $0x2b, $1f; 1:"));
    TRY("lret to none", __asm__ volatile("push $0; push $1f; lret; 1: add $8, %esp"));
}

/* ---- traps ---- */

static void instructions(void)
{
    static const int32_t limits[2] = {-5, 5};
    int32_t in = 5, out = 6;
    TRY("bound inside", __asm__ volatile("bound %0, %1" ::"r"(in), "m"(limits)));
    TRY("bound outside", __asm__ volatile("bound %0, %1" ::"r"(out), "m"(limits)));
    TRY("into without", __asm__ volatile("xor %%eax, %%eax; into" ::: "eax", "cc"));
    TRY("into", __asm__ volatile("mov $0x7fffffff, %%eax; inc %%eax; into" ::: "eax", "cc"));
    TRY("int 4", __asm__ volatile("int $4"));
    TRY("int 5", __asm__ volatile("int $5"));
    TRY("int 3", __asm__ volatile("int3"));
    TRY("int 3 by two bytes", __asm__ volatile(".byte 0xcd, 3"));
    TRY("aam 0", __asm__ volatile("aam $0" ::: "eax"));
    TRY("no instruction", __asm__ volatile("ud2"));
    TRY("hlt", __asm__ volatile("hlt"));
    TRY("read of nothing", *(volatile int *)8);
    TRY("write of nothing", *(volatile int *)16 = 1);
    TRY("jump to nothing", ((void (*)(void))24)());
    uint32_t at, sp;
    __asm__ volatile("mov %%esp, %1; enter $16, $0; mov %%ebp, %0; leave" : "=&r"(at), "=&r"(sp)::"memory");
    printf("enter %u\n", sp - at);
    __asm__ volatile("mov %%esp, %1; pusha; mov 12(%%esp), %%eax; mov %%eax, %0; popa"
                     : "=m"(at), "=m"(sp)::"eax", "memory");
    printf("pusha %u\n", at == sp);
    uint16_t sel = 0x40, low = 3;
    uint8_t z;
    __asm__("arpl %w2, %w0; setz %1" : "+r"(sel), "=q"(z) : "r"(low) : "cc");
    printf("arpl %x %u\n", sel, z);
}

/* ---- frames ---- */

static volatile int hits, frame_ok;
static void handler(int sig)
{
    uint32_t *frame = (uint32_t *)__builtin_frame_address(0) + 1;
    frame_ok = frame[0] != 0 && frame[1] == (uint32_t)sig && ((uint32_t)frame + 4) % 16 == 0;
    frame_ok |= !memcmp((char *)frame + 8 + 88 + 624 + 4, "\x58\xb8\x77\x00\x00\x00\xcd\x80", 8) << 1;
    hits++;
}

static void rt_handler(int sig, siginfo_t *si, void *ctx)
{
    ucontext_t *uc = ctx;
    uint32_t *frame = (uint32_t *)__builtin_frame_address(0) + 1;
    frame_ok = frame[1] == (uint32_t)sig && frame[2] == (uint32_t)si && frame[3] == (uint32_t)uc;
    frame_ok |= (((uint32_t)frame + 4) % 16 == 0) << 1;
    const unsigned char *fp = (void *)uc->uc_mcontext.fpregs;
    uint32_t magic, size;
    memcpy(&magic, fp + 112 + 464, 4);
    memcpy(&size, fp + 112 + 464 + 4, 4);
    frame_ok |= ((uint32_t)(fp + 112) % 64 == 0) << 2;
    frame_ok |= (magic == 0x46505853 && !memcmp(fp + size - 4, "EXPF", 4)) << 3;
    frame_ok |= (uc->uc_flags == 1) << 4;
    uc->uc_mcontext.gregs[REG_ESI] = 0x55aa;
    hits++;
}

static void frames(void)
{
    struct {
        void *handler;
        unsigned long mask, flags;
        void *restorer;
    } old = {handler, 0, 0, NULL};
    SHOW(syscall(SYS_sigaction, SIGUSR1, &old, NULL));
    long double x = 1.25L, y;
    __asm__ volatile("fldt %1; int $0x80; fstpt %0"
                     : "=m"(y)
                     : "m"(x), "a"(SYS_kill), "b"(getpid()), "c"(SIGUSR1)
                     : "memory");
    printf("hits %d frame %d kept %d\n", hits, frame_ok, x == y);
    struct {
        void *handler;
        unsigned long flags;
        void *restorer;
        uint64_t mask;
    } __attribute__((packed)) rt = {rt_handler, SA_SIGINFO, NULL, 0};
    SHOW(syscall(SYS_rt_sigaction, SIGUSR1, &rt, NULL, 8));
    long esi = 1;
    long r = SYS_kill;
    __asm__ volatile("fldt %3; int $0x80; fstpt %0"
                     : "=m"(y), "+a"(r), "+S"(esi)
                     : "m"(x), "b"(getpid()), "c"(SIGUSR1)
                     : "memory");
    printf("hits %d frame %d kept %d esi %lx\n", hits, frame_ok, x == y, esi);
    SHOW_BOOL(syscall(SYS_signal, SIGUSR2, handler) == 0);
    kill(getpid(), SIGUSR2);
    SHOW_BOOL(syscall(SYS_signal, SIGUSR2, SIG_IGN) == 0);
    printf("hits %d\n", hits);
}

int main(void)
{
    static char stack[65536];
    sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof stack}, NULL);
    struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    const int sigs[] = {SIGFPE, SIGILL, SIGSEGV, SIGBUS, SIGTRAP};
    for (unsigned k = 0; k < 5; k++)
        sigaction(sigs[k], &sa, NULL);
    setvbuf(stdout, NULL, _IOLBF, 0);
    names();
    times_and_masks();
    files();
    multiplexed();
    entries();
    segments();
    local_segments();
    selectors();
    far_transfers();
    instructions();
    frames();
    return 0;
}
