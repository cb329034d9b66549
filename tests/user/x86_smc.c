/* Code that writes code, as the architecture has it: a store counts for the next instruction, whatever made
 * it: the same block or loop, another function beside, a string instruction, the stack, x87, SSE, an atomic;
 * a system call into a page with code; another thread; a child. */
#include "user.h"
#include "usercode.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>

enum { PAGE = 4096 };

typedef uint64_t Fn(uint64_t a, uint64_t b);

static uint8_t *map_code(size_t pages)
{
    return mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static uint64_t call(const uint8_t *at, uint64_t a, uint64_t b)
{
    Fn *f;
    __asm__ volatile("" : "=r"(f) : "0"(at) : "memory");
    return f(a, b);
}

static uint64_t result_of(const uint8_t *at)
{
    return call(at, 0, 0);
}

/* Each function changes the immediate of the mov behind, and returns it: a, or something made of it. */
typedef struct Writer {
    char what[20];
    uint8_t code[32];
    uint8_t n, bits, shift; /* of code; of a that are stored, and where in the immediate */
} Writer;

static const Writer writers[] = {
    {"store", {0x89, 0x3d, 1, 0, 0, 0, 0xb8, 0, 0, 0, 0, 0xc3}, 12, 32, 0},
    {"byte store", {0x40, 0x88, 0x3d, 1, 0, 0, 0, 0xb8, 0, 0, 0, 0, 0xc3}, 13, 8, 0},
    {"exchange", {0x89, 0xf8, 0x87, 0x05, 1, 0, 0, 0, 0xb8, 0, 0, 0, 0, 0xc3}, 14, 32, 0},
    /* mov imm, %eax; lock cmpxchg %edi, imm */
    {"compare exchange",
     {0x8b, 0x05, 9, 0, 0, 0, 0xf0, 0x0f, 0xb1, 0x3d, 1, 0, 0, 0, 0xb8, 0, 0, 0, 0, 0xc3},
     20,
     32,
     0},
    {"vector",
     {0x66, 0x0f, 0x6e, 0xc7, 0x66, 0x0f, 0x7e, 0x05, 1, 0, 0, 0, 0xb8, 0, 0, 0, 0, 0xc3},
     18,
     32,
     0},
    /* mov %edi, -8(%rsp); fildl; fistpl imm */
    {"x87",
     {0x89, 0x7c, 0x24, 0xf8, 0xdb, 0x44, 0x24, 0xf8, 0xdb, 0x1d, 1, 0, 0, 0, 0xb8, 0, 0, 0, 0, 0xc3},
     20,
     32,
     0},
    /* mov %edi, %eax; lea imm, %rdi; stos %eax */
    {"string", {0x89, 0xf8, 0x48, 0x8d, 0x3d, 2, 0, 0, 0, 0xab, 0xb8, 0, 0, 0, 0, 0xc3}, 16, 32, 0},
    /* mov %edi, %eax; lea imm, %rdi; mov $1, %ecx; rep stos %eax */
    {"repeated string",
     {0x89, 0xf8, 0x48, 0x8d, 0x3d, 8, 0, 0, 0, 0xb9, 1, 0, 0, 0, 0xf3, 0xab, 0xb8, 0, 0, 0, 0, 0xc3},
     22,
     32,
     0},
    /* mov %rsp, %rdx; lea imm + 4, %rsp; pushw %di; mov %rdx, %rsp */
    {"push",
     {0x48, 0x89, 0xe2, 0x48, 0x8d, 0x25, 10, 0, 0, 0, 0x66, 0x57, 0x48, 0x89, 0xd4, 0xb8, 0, 0, 0, 0, 0xc3},
     21,
     16,
     16},
};

static void next_instruction(void)
{
    enum { ROUNDS = 3000 };
    uint8_t *code = map_code(1);
    for (unsigned k = 0; k < sizeof writers / sizeof *writers; k++) {
        const Writer *w = &writers[k];
        uint8_t *at = code + 64 * k;
        unsigned wrong = 0;
        memcpy(at, w->code, w->n);
        for (uint32_t r = 0; r < ROUNDS; r++) {
            uint32_t stored = r * 77;
            if (w->bits < 32)
                stored &= (1u << w->bits) - 1;
            wrong += call(at, r * 77, 0) != (uint64_t)stored << w->shift;
        }
        printf("%s: wrong %u\n", w->what, wrong);
    }
    munmap(code, PAGE);
}

/* mov %edi, %ecx; 1: mov %ecx, imm; mov $imm, %eax; add %rax, %rdx; dec %ecx; jnz 1b; mov %rdx, %rax; ret */
static void in_a_loop(void)
{
    static const uint8_t loop[] = {0x31, 0xd2, 0x89, 0xf9, 0x89, 0x0d, 1,    0,    0,
                                   0,    0xb8, 0,    0,    0,    0,    0x48, 0x01, 0xc2,
                                   0xff, 0xc9, 0x75, 0xee, 0x48, 0x89, 0xd0, 0xc3};
    uint8_t *code = map_code(1);
    memcpy(code, loop, sizeof loop);
    for (uint64_t n = 1; n < 100000; n *= 7)
        printf("loop of %lu: %lu\n", (unsigned long)n, (unsigned long)call(code, n, 0));
    munmap(code, PAGE);
}

/* A function that is written anew each time: as it was but for its immediate, and longer, shorter, with a
 * jump. Some rounds of a kind, so that what was known of it is used. */
static void other_shapes(void)
{
    enum { ROUNDS = 4000, SHAPES = 4 };
    static const struct {
        uint8_t code[24], n, at; /* at: of the immediate */
        uint32_t adds;
    } shape[SHAPES] = {
        /* mov; ret */
        {{0xb8, 0, 0, 0, 0, 0xc3}, 6, 1, 0},
        /* xor; nop; add; inc; nop; ret */
        {{0x31, 0xc0, 0x90, 0x05, 0, 0, 0, 0, 0xff, 0xc0, 0x90, 0xc3}, 12, 4, 1},
        /* mov; jmp 1f; 1: add; ret */
        {{0xb8, 0, 0, 0, 0, 0xeb, 0x02, 0x0f, 0x0b, 0x83, 0xc0, 0x03, 0xc3}, 13, 1, 3},
        {{0xb8, 0, 0, 0, 0, 0x90, 0xc3}, 7, 1, 0},
    };
    uint8_t *code = map_code(1);
    unsigned wrong = 0;
    for (uint32_t r = 0; r < ROUNDS; r++) {
        unsigned k = r / 5 * 7 % SHAPES;
        uint8_t *at = code + r % 7 * 64;
        uint32_t value = r * 31;
        memcpy(at, shape[k].code, shape[k].n);
        memcpy(at + shape[k].at, &value, sizeof value);
        wrong += (uint32_t)result_of(at) != value + shape[k].adds;
    }
    printf("other shapes: wrong %u\n", wrong);
    munmap(code, PAGE);
}

/* A loop that counts in memory beside itself: 1: incl (%rsi); dec %edi; jnz 1b; mov (%rsi), %eax; ret */
static void data_beside(void)
{
    static const uint8_t loop[] = {0xff, 0x06, 0xff, 0xcf, 0x75, 0xfa, 0x8b, 0x06, 0xc3};
    uint8_t *code = map_code(1);
    memcpy(code, loop, sizeof loop);
    uint64_t sum = 0;
    for (int k = 0; k < 200; k++)
        sum += call(code, 1000, (uint64_t)(uintptr_t)(code + 64 + k * 16));
    printf("data beside: %lu\n", (unsigned long)sum);
    munmap(code, PAGE);
}

/* A function that is written in two pages, by one store over their border. */
static void over_the_border(void)
{
    uint8_t *code = map_code(2), *at = code + PAGE - 3; /* the immediate begins in front of the border */
    unsigned wrong = 0;
    put_return(at, 0);
    put_return(code, 5);
    put_return(code + PAGE + 64, 6);
    for (uint32_t r = 0; r < 300; r++) {
        memcpy(at + 1, &r, 4);
        wrong += result_of(at) != r || result_of(code) != 5 || result_of(code + PAGE + 64) != 6;
    }
    printf("over the border: wrong %u\n", wrong);
    munmap(code, 2 * PAGE);
}

/* Large copies over many pages whose code has run. */
static void many_pages(void)
{
    enum { N = 64 };
    uint8_t *code = map_code(N), *from = map_code(N);
    unsigned wrong = 0;
    for (uint32_t r = 0; r < 10; r++) {
        for (uint32_t k = 0; k < N; k++)
            put_return(from + k * PAGE + 100, r * N + k);
        uint8_t *to = code, *src = from;
        uint64_t n = N * PAGE;
        __asm__ volatile("rep movsb" : "+D"(to), "+S"(src), "+c"(n) : : "memory");
        for (uint32_t k = 0; k < N; k++)
            wrong += result_of(code + k * PAGE + 100) != r * N + k;
    }
    printf("many pages: wrong %u\n", wrong);
    munmap(code, N * PAGE);
    munmap(from, N * PAGE);
}

/* ---- system calls ---- */

static void on_signal(int sig)
{
    (void)sig;
}

/* Each writes a function that returns `v` to `at`. */
static void by_read(uint8_t *at, uint32_t v)
{
    uint8_t text[RETURN_CODE];
    int p[2];
    put_return(text, v);
    pipe(p);
    write(p[1], text, sizeof text);
    if (read(p[0], at, sizeof text) != sizeof text)
        printf("read: %s\n", strerrorname_np(errno));
    close(p[0]);
    close(p[1]);
}

static void by_message(uint8_t *at, uint32_t v)
{
    uint8_t text[RETURN_CODE];
    int s[2];
    put_return(text, v);
    socketpair(AF_UNIX, SOCK_DGRAM, 0, s);
    write(s[1], text, sizeof text);
    struct iovec iov[2] = {{at, 5}, {at + 5, sizeof text - 5}};
    struct msghdr m = {.msg_iov = iov, .msg_iovlen = 2};
    if (recvmsg(s[0], &m, 0) != sizeof text)
        printf("recvmsg: %s\n", strerrorname_np(errno));
    close(s[0]);
    close(s[1]);
}

static void by_vectors(uint8_t *at, uint32_t v)
{
    uint8_t text[RETURN_CODE];
    int fd = memfd_create("code", 0);
    put_return(text, v);
    write(fd, text, sizeof text);
    struct iovec iov[2] = {{at, 7}, {at + 7, sizeof text - 7}};
    if (preadv(fd, iov, 2, 0) != sizeof text)
        printf("preadv: %s\n", strerrorname_np(errno));
    close(fd);
}

static void by_another(uint8_t *at, uint32_t v)
{
    uint8_t text[RETURN_CODE];
    put_return(text, v);
    struct iovec from = {text, sizeof text}, to = {at, sizeof text};
    if (process_vm_writev(getpid(), &from, 1, &to, 1, 0) != sizeof text)
        memcpy(at, text, sizeof text); /* a container may forbid it */
}

/* The call writes something else into the page; the function is made by stores. */
static void by_structures(uint8_t *at, uint32_t v)
{
    struct stat *st = (struct stat *)(void *)(((uintptr_t)at & ~4095ull) + 2048);
    put_return(at, v);
    if (result_of(at) != v || fstat(0, st) || getcwd((char *)st, 500) == NULL ||
        syscall(SYS_getrandom, st, 64, 0) != 64 || sigprocmask(SIG_BLOCK, NULL, (sigset_t *)(void *)st))
        printf("structures: %s\n", strerrorname_np(errno));
}

/* So does the frame of a signal. */
static void by_signal(uint8_t *at, uint32_t v)
{
    uint8_t *page = (uint8_t *)((uintptr_t)at & ~4095ull);
    stack_t ss = {.ss_sp = page - 4 * PAGE, .ss_size = 4 * PAGE + 1024}, off = {.ss_flags = SS_DISABLE};
    struct sigaction sa = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};
    put_return(at, v);
    sigaction(SIGUSR1, &sa, NULL);
    if (sigaltstack(&ss, NULL))
        printf("sigaltstack: %s\n", strerrorname_np(errno));
    if (result_of(at) == v)
        raise(SIGUSR1);
    sigaltstack(&off, NULL);
}

static void by_memory_file(uint8_t *at, uint32_t v)
{
    uint8_t text[RETURN_CODE];
    int fd = open("/proc/self/mem", O_RDWR);
    put_return(text, v);
    if (fd < 0 || pwrite(fd, text, sizeof text, (off_t)(uintptr_t)at) != sizeof text)
        printf("mem: %s\n", strerrorname_np(errno));
    close(fd);
}

static void by_calls(void)
{
    static const struct {
        char what[20];
        void (*fn)(uint8_t *at, uint32_t v);
    } ways[] = {{"read", by_read},       {"message", by_message},       {"vectors", by_vectors},
                {"another", by_another}, {"structures", by_structures}, {"signal", by_signal}};
    uint8_t *code = map_code(8), *page = code + 6 * PAGE;
    for (unsigned k = 0; k < sizeof ways / sizeof *ways; k++) {
        unsigned wrong = 0;
        for (uint32_t r = 0; r < 20; r++) {
            uint8_t *at = page + 1200 + r % 3 * 32;
            put_return(page + 1500, r);
            wrong += result_of(page + 1500) != r;
            ways[k].fn(at, r + 100);
            wrong += result_of(at) != r + 100 || result_of(page + 1500) != r;
        }
        printf("%s: wrong %u\n", ways[k].what, wrong);
    }
    munmap(code, 8 * PAGE);
}

/* Last: from here on the process can write its memory by a file. */
static void by_file(void)
{
    uint8_t *code = map_code(2);
    unsigned wrong = 0;
    put_return(code + PAGE, 7);
    mprotect(code + PAGE, PAGE, PROT_READ | PROT_EXEC);
    wrong += result_of(code + PAGE) != 7;
    for (uint32_t r = 0; r < 20; r++) {
        put_return(code, r);
        wrong += result_of(code) != r;
        by_memory_file(code, r + 50);
        wrong += result_of(code) != r + 50;
        by_memory_file(code + PAGE, r + 60);
        wrong += result_of(code + PAGE) != r + 60;
    }
    printf("by file: wrong %u\n", wrong);
}

/* ---- mappings ---- */

static void mappings(void)
{
    uint8_t *code = map_code(3);
    unsigned wrong = 0;
    for (uint32_t r = 0; r < 50; r++) {
        put_return(code, r);
        wrong += result_of(code) != r;
        mprotect(code, PAGE, PROT_READ | PROT_EXEC);
        wrong += result_of(code) != r;
        mprotect(code, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC);
        put_return(code, r + 1);
        wrong += result_of(code) != r + 1;
        mmap(code, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        put_return(code, r + 2);
        wrong += result_of(code) != r + 2;
        mremap(code, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, code + PAGE);
        wrong += result_of(code + PAGE) != r + 2;
        put_return(code + PAGE, r + 3);
        wrong += result_of(code + PAGE) != r + 3;
        madvise(code + PAGE, PAGE, MADV_DONTNEED);
        put_return(code + PAGE, r + 4);
        wrong += result_of(code + PAGE) != r + 4;
        mremap(code + PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, code);
        wrong += result_of(code) != r + 4;
    }
    printf("mappings: wrong %u\n", wrong);
    munmap(code, PAGE);
    munmap(code + 2 * PAGE, PAGE);
}

static void children(void)
{
    uint8_t *code = map_code(1);
    unsigned wrong = 0;
    fflush(stdout);
    for (uint32_t r = 0; r < 40; r++) {
        int status;
        put_return(code, r);
        wrong += result_of(code) != r;
        pid_t pid = fork();
        if (!pid) {
            put_return(code, r + 1);
            _exit(result_of(code) != r + 1);
        }
        wrong += result_of(code) != r;
        put_return(code + 64, r + 2);
        wrong += result_of(code) != r || result_of(code + 64) != r + 2;
        wrong += waitpid(pid, &status, 0) != pid || status;
    }
    printf("children: wrong %u\n", wrong);
    munmap(code, PAGE);
}

/* ---- threads: each has a function of its own in one page, and rewrites it ---- */

static uint8_t *shared;
static atomic_uint all_wrong;

static void *rewriter(void *arg)
{
    uint8_t *at = shared + 256 * (uintptr_t)arg;
    for (uint32_t r = 0; r < 3000; r++) {
        put_return(at, r);
        if (result_of(at) != r)
            atomic_fetch_add(&all_wrong, 1);
    }
    return NULL;
}

static void threads(void)
{
    pthread_t t[4];
    shared = map_code(1);
    for (uintptr_t k = 0; k < 4; k++)
        pthread_create(&t[k], NULL, rewriter, (void *)k);
    for (int k = 0; k < 4; k++)
        pthread_join(t[k], NULL);
    printf("threads: wrong %u\n", atomic_load(&all_wrong));
    munmap(shared, PAGE);
}

int main(void)
{
    next_instruction();
    in_a_loop();
    other_shapes();
    data_beside();
    over_the_border();
    many_pages();
    by_calls();
    mappings();
    children();
    threads();
    by_file();
    return 0;
}
