/* The ELF header reader against libelf: files of this machine as they are, and with random bytes in their
 * headers. */
#include "tests/unit/test.h"

#include <dirent.h>
#include <elf.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "linux-user/abi.h"
#include "linux-user/elf.h"

enum { HEAD = 2048, ROUNDS = 20000 };

static unsigned compared, refused;
static const LuAbi arm = {.target = &target_arm, .name = "arm", .word = 4};

static int prot_of(uint32_t flags)
{
    return (flags & PF_R ? PROT_READ : 0) | (flags & PF_W ? PROT_WRITE : 0) | (flags & PF_X ? PROT_EXEC : 0);
}

static void compare_load(const ElfLoad *l, const GElf_Phdr *ph)
{
    assert_int_equal(l->vaddr, ph->p_vaddr);
    assert_int_equal(l->offset, ph->p_offset);
    assert_int_equal(l->filesz, ph->p_filesz);
    assert_int_equal(l->memsz, ph->p_memsz);
    assert_int_equal(l->prot, prot_of(ph->p_flags));
}

static void compare(int fd, const ElfPlan *plan, Elf *elf)
{
    GElf_Ehdr eh;
    unsigned loads = 0;
    assert_non_null(gelf_getehdr(elf, &eh));
    assert_int_equal(plan->entry, eh.e_entry);
    assert_int_equal(plan->n_phdrs, eh.e_phnum);
    assert_int_equal(plan->pie, eh.e_type == ET_DYN);
    for (int i = 0; i < eh.e_phnum; i++) {
        GElf_Phdr ph;
        char name[LU_PATH_BYTES] = "";
        assert_non_null(gelf_getphdr(elf, i, &ph));
        if (ph.p_type == PT_LOAD && ph.p_memsz)
            compare_load(&plan->load[loads++], &ph);
        if (ph.p_type == PT_INTERP && plan->interp[0]) {
            assert_int_equal(pread(fd, name, ph.p_filesz, (off_t)ph.p_offset), ph.p_filesz);
            assert_string_equal(plan->interp, name);
            return; /* only the first is read */
        }
    }
    assert_int_equal(plan->n_loads, loads);
}

static void check(int fd, const LuAbi *abi)
{
    static ElfPlan plan;
    char text[200];
    Fmt err = FMT_ON(text);
    if (!elf_plan(fd, abi, &plan, &err)) {
        refused++;
        return;
    }
    Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
    if (elf && elf_kind(elf) == ELF_K_ELF) { /* the kernel and we do not look at the version */
        compare(fd, &plan, elf);
        compared++;
    }
    elf_end(elf);
}

/* A file of this machine that says it is a guest's. NULL: not there. */
static uint8_t *map_copy(const char *path, int *ret_fd, size_t *ret_size)
{
    int from = open(path, O_RDONLY | O_CLOEXEC), fd = memfd_create("elf", MFD_CLOEXEC);
    struct stat st;
    if (from < 0)
        return NULL;
    assert_true(fd >= 0 && !fstat(from, &st) && !ftruncate(fd, st.st_size));
    uint8_t *p = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_true(p != MAP_FAILED);
    assert_int_equal(read(from, p, (size_t)st.st_size), st.st_size);
    ((Elf64_Ehdr *)(void *)p)->e_machine = EM_RISCV;
    close(from);
    *ret_fd = fd;
    *ret_size = (size_t)st.st_size;
    return p;
}

/* Makes it a file of 32 bits for Arm with the same segments, as far as they fit. */
static void narrow(uint8_t *p)
{
    Elf64_Ehdr *e = (Elf64_Ehdr *)(void *)p, from = *e;
    Elf64_Phdr ph[32];
    Elf32_Ehdr to = {.e_type = from.e_type, .e_machine = EM_ARM, .e_version = from.e_version,
                     .e_entry = (uint32_t)from.e_entry,
                     .e_phoff = sizeof(to), .e_ehsize = sizeof(to), .e_phentsize = sizeof(Elf32_Phdr),
                     .e_phnum = from.e_phnum};
    assert_true(from.e_phnum <= ARRAY_SIZE(ph));
    memcpy(ph, p + from.e_phoff, from.e_phnum * sizeof(ph[0]));
    memcpy(to.e_ident, from.e_ident, sizeof(to.e_ident));
    to.e_ident[EI_CLASS] = ELFCLASS32;
    memcpy(p, &to, sizeof(to));
    for (unsigned i = 0; i < from.e_phnum; i++) {
        Elf32_Phdr h = {.p_type = ph[i].p_type, .p_offset = (uint32_t)ph[i].p_offset,
                        .p_vaddr = (uint32_t)ph[i].p_vaddr,
                        .p_filesz = (uint32_t)ph[i].p_filesz, .p_memsz = (uint32_t)ph[i].p_memsz,
                        .p_flags = ph[i].p_flags, .p_align = (uint32_t)ph[i].p_align};
        memcpy(p + sizeof(to) + i * sizeof(h), &h, sizeof(h));
    }
}

static void files_read_as_libelf_does(void **state)
{
    static const char *const files[] = {"/proc/self/exe", "/bin/sh", "/usr/bin/ld",
                                        "/lib64/ld-linux-x86-64.so.2"};
    elf_version(EV_CURRENT);
    for (unsigned i = 0; i < ARRAY_SIZE(files); i++) {
        int fd;
        size_t size;
        uint8_t *p = map_copy(files[i], &fd, &size);
        if (!p)
            continue;
        check(fd, NULL);
        narrow(p);
        check(fd, &arm);
        munmap(p, size);
        close(fd);
    }
    assert_true(compared >= 4);
    assert_int_equal(refused, 0);
}

static size_t head_bytes(const uint8_t *p, bool wide)
{
    const Elf64_Ehdr *e = (const Elf64_Ehdr *)(const void *)p;
    const Elf32_Ehdr *n = (const Elf32_Ehdr *)(const void *)p;
    return wide ? sizeof(*e) + e->e_phnum * sizeof(Elf64_Phdr) : sizeof(*n) + n->e_phnum * sizeof(Elf32_Phdr);
}

/* The program headers to `off`; false: they stand elsewhere already. */
static bool move_phdrs(uint8_t *p, bool wide, unsigned off)
{
    Elf64_Ehdr *e = (Elf64_Ehdr *)(void *)p;
    Elf32_Ehdr *n = (Elf32_Ehdr *)(void *)p;
    size_t size = wide ? sizeof(*e) : sizeof(*n);
    if ((wide ? e->e_phoff : n->e_phoff) != size)
        return false;
    memmove(p + off, p + size, head_bytes(p, wide) - size);
    if (wide)
        e->e_phoff = off;
    else
        n->e_phoff = off;
    return true;
}

/* A header of this program with a few bytes of the ELF header or the program headers changed, or the program
 * headers moved behind what is read at once. */
static void change_headers(bool wide)
{
    static uint8_t from[2 * HEAD];
    int fd;
    size_t size;
    uint8_t *to = map_copy("/proc/self/exe", &fd, &size);
    assert_true(to && size >= sizeof(from));
    if (!wide)
        narrow(to);
    memcpy(from, to, sizeof(from));
    uint64_t x = 88172645463325252;
    unsigned before = compared, no = refused, moved = 0;
    for (unsigned n = 0; n < ROUNDS; n++) {
        memcpy(to, from, sizeof(from));
        size_t bytes = head_bytes(to, wide);
        if (n % 5 == 0 && bytes <= HEAD) /* across the end of what is read first */
            moved += move_phdrs(to, wide, 1000 + n % 64);
        for (unsigned k = n % 4; k; k--) {
            x ^= x << 13, x ^= x >> 7, x ^= x << 17;
            size_t at = x % bytes;
            to[at] = k & 1 ? to[at] ^ (uint8_t)(1u << (x >> 32 & 7)) : (uint8_t)(x >> 40);
        }
        check(fd, wide ? NULL : &arm);
    }
    assert_true(compared - before > ROUNDS / 10);
    assert_true(refused - no > ROUNDS / 10);
    assert_true(moved > 0);
}

static void changed_headers_read_as_libelf_does(void **state)
{
    change_headers(true);
    change_headers(false);
}

/* With a sum that wraps around they would be read from before the bytes at hand. */
static void headers_at_the_end_of_all_offsets_are_not_read(void **state)
{
    char head[256] = {0};
    Elf64_Ehdr eh = {.e_phentsize = sizeof(Elf64_Phdr), .e_phnum = 1};
    Elf64_Phdr ph;
    for (unsigned back = 1; back < 100; back++) {
        eh.e_phoff = -(uint64_t)back;
        assert_false(elf_read_phdr(-1, head, sizeof(head), &eh, 0, &ph));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_read_as_libelf_does),
        cmocka_unit_test(changed_headers_read_as_libelf_does),
        cmocka_unit_test(headers_at_the_end_of_all_offsets_are_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
