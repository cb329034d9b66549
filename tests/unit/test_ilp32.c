/* The start of a 32-bit guest, without one: where things lie, and the words of its first stack. */
#include "test.h"

#include <elf.h>
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "linux-user/mm_int.h"
#include "linux-user/options.h"
#include "linux-user/stack.h"

static const LuAbi abi = {.target = &target_arm, .name = "arm", .word = 4, .task_size = 0xbf000000,
                          .platform = "v7l"};
static LuOptions opt = {.sysroot = ""};

static void start(LuProc *p, LuThread *t, uint64_t random)
{
    const uint64_t r[4] = {random, random * 3, random * 7, random * 11};
    *p = (LuProc){.abi = &abi, .opt = &opt};
    *t = (LuThread){.proc = p, .abi = p->abi};
    p->mm = lu_mm_new(&abi, &opt, r);
    assert_non_null(p->mm);
}

static void layout_is_in_order_below_3g(void **state)
{
    for (uint64_t i = 0; i < 64; i++) {
        LuProc p;
        LuThread t;
        start(&p, &t, i * 0x9e3779b97f4a7c15);
        const LuLayout *l = lu_mm_layout(p.mm);
        assert_int_equal(l->task_size, abi.task_size);
        assert_true(l->stack_top <= l->task_size && l->mmap_base + (8 << 20) < l->stack_top);
        assert_true(l->pie_base >= 1u << 30 && l->pie_base + (256u << 20) < l->mmap_base);
        long at = lu_mm_mmap(&t, 0, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        assert_true(at > 0 && (Gva)at < l->mmap_base);
        assert_int_equal(
            lu_mm_mmap(&t, 0xffff0000, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
            -ENOMEM);
        assert_int_equal(lu_mm_munmap(&t, (Gva)at, PAGE), 0);
    }
}

static const uint32_t *check_strings(const uint32_t *w, char **list)
{
    for (; *list; list++, w++)
        assert_string_equal((const char *)(uintptr_t)*w, *list);
    assert_int_equal(*w, 0);
    return w + 1;
}

static void stack_has_words_of_4_bytes(void **state)
{
    static char prog[] = "prog", one[] = "one", none[] = "", a[] = "A=1", longer[] = "LONGER=2";
    char *argv[] = {prog, one, none, NULL}, *envp[] = {a, longer, NULL}, text[200];
    Fmt err = FMT_ON(text);
    const ElfImage image = {.entry = 0x10201, .phdr = 0x10034, .n_phdrs = 3};
    const StackPlan plan = {.prog = &image, .execfn = "/bin/prog", .argv = argv, .envp = envp,
                            .random = {1, 2, 3}};
    LuProc p;
    LuThread t;
    start(&p, &t, 99);
    p.hwcap[0] = 0xfffffff1;
    Gva sp = stack_build(&t, &plan, &err);
    assert_true(sp && sp % 8 == 0 && sp < abi.task_size);
    const uint32_t *w = (const uint32_t *)sp, *aux;
    assert_int_equal(*w, 3);
    aux = check_strings(check_strings(w + 1, argv), envp);
    assert_int_equal((uintptr_t)aux, p.auxv);
    uint32_t found = 0;
    for (; aux[0] != AT_NULL; aux += 2) {
        switch (aux[0]) {
        case AT_PHENT: assert_int_equal(aux[1], 32); break;
        case AT_PHDR: assert_int_equal(aux[1], image.phdr); break;
        case AT_ENTRY: assert_int_equal(aux[1], image.entry); break;
        case AT_HWCAP: assert_int_equal(aux[1], 0xfffffff1); break;
        case AT_PLATFORM: assert_string_equal((const char *)(uintptr_t)aux[1], "v7l"); break;
        case AT_EXECFN: assert_string_equal((const char *)(uintptr_t)aux[1], "/bin/prog"); break;
        case AT_RANDOM: assert_memory_equal((const void *)(uintptr_t)aux[1], plan.random, 16); break;
        default: continue;
        }
        found++;
    }
    assert_int_equal(found, 7);
    assert_int_equal((uintptr_t)(aux + 2), p.auxv + p.auxv_len);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layout_is_in_order_below_3g),
        cmocka_unit_test(stack_has_words_of_4_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
