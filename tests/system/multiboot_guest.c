/* A Multiboot kernel that says on port e9 what it was told. FLAT: placed by the addresses in its header. */
typedef unsigned u32;
typedef unsigned long long u64;

enum { MAGIC = 0x1badb002, WANTS_MEMORY = 2, HAS_ADDRESSES = 1 << 16, LOADED = 0x2badb002 };
#ifdef FLAT
#define FLAGS (WANTS_MEMORY | HAS_ADDRESSES)
#else
#define FLAGS WANTS_MEMORY
#endif

extern char begin[], data_end[], bss_end[];
void enter(void);

__attribute__((section(".header"), used)) static const struct {
    u32 magic, flags, checksum;
    const void *header, *load, *load_end, *bss_end, *entry;
} header = {MAGIC, FLAGS, -(u32)(MAGIC + FLAGS), &header, begin, data_end, bss_end, enter};

typedef struct Info {
    u32 flags, kib_lower, kib_upper, boot_device;
    const char *append;
    u32 n_modules;
    const struct {
        const char *first, *end, *name;
        u32 reserved;
    } *modules;
    u32 symbols[4], map_bytes;
    const char *map;
} Info;
typedef struct __attribute__((packed)) Range {
    u32 bytes;
    u64 at, length;
    u32 type;
} Range;

static char in_bss[100000];

static void out(unsigned short port, unsigned char v)
{
    __asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port));
}
static void say(const char *text)
{
    while (*text)
        out(0xe9, (unsigned char)*text++);
}
static void say_number(const char *what, u32 v)
{
    char text[12] = "\n", *at = text + 11;
    *at = 0;
    *--at = '\n';
    do
        *--at = (char)('0' + v % 10);
    while ((v /= 10));
    say(what);
    say(at);
}

__attribute__((used)) void kernel(u32 magic, const Info *i)
{
    u32 ram = 0, zeros = 0;
    for (u32 at = 0; at < i->map_bytes; at += ((const Range *)(i->map + at))->bytes + 4) {
        const Range *r = (const Range *)(i->map + at);
        if (r->type == 1 && r->at >= 1 << 20)
            ram += (u32)(r->length >> 20);
    }
    for (u32 k = 0; k < sizeof(in_bss); k++)
        zeros += in_bss[k] == 0;
    say_number("magic ", magic == LOADED);
    say("line ");
    say(i->append);
    say_number("\nlower ", i->kib_lower >= 600);
    say_number("upper ", i->kib_upper >> 10);
    say_number("ram ", ram);
    say_number("zeros ", zeros);
    say_number("modules ", i->n_modules);
    for (const char *c = i->n_modules ? i->modules->first : 0; c && c < i->modules->end; c++)
        out(0xe9, (unsigned char)*c);
    out(0xf4, 5);
    for (;;)
        __asm__ volatile("hlt");
}

__asm__(".globl enter\n enter: mov $stack_end, %esp\n push %ebx\n push %eax\n call kernel\n"
        ".bss\n .balign 16\n .skip 4096\n stack_end:\n .text\n");
