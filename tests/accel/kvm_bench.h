/*
 * A small machine under KVM for tests: RAM, a device that notes what is written, guests of kvm_guests.S.
 *
 * One at a time: `b`, which setup_*() make and teardown() frees. Threads: the test's; run_cpu() is a cpu's.
 */
#ifndef TESTS_ACCEL_KVM_BENCH_H
#define TESTS_ACCEL_KVM_BENCH_H

#include "tests/unit/test.h"

#include "accel/kvm/kvm.h"
#include "base/fmt.h"
#include "hw/core/mem_map.h"
#include "target/mem.h"
#include "target/x86/x86_sys.h"

#include <pthread.h>

extern const uint8_t kvm_rom[], kvm_rom_end[];
#define GUESTS(X)                                                                                            \
    X(ports)                                                                                                 \
    X(memory) X(remap) X(count) X(late) X(triple) X(lost) X(smp) X(pic) X(inputs) X(both) X(messages) X(long)
#define GUEST(name) extern const uint8_t kvm_guest_##name[];
GUESTS(GUEST)
#undef GUEST
extern const uint8_t kvm_guest_second[];

enum { RAM_BYTES = 4 << 20, ROM_BYTES = 65536, MOST_CPUS = 2, LOG = 512 };

typedef struct Bench {
    MemMap map;
    RamBlock ram, rom;
    MemRegion low, device, bios, bios_low;
    Accel *accel;
    Cpu *cpu[MOST_CPUS];
    CpuBoard board[MOST_CPUS];
    unsigned n_cpus, guest;
    /* what the guest did, as text; `result`: its last word */
    char log[LOG];
    Fmt f;
    unsigned result;
    bool done, ready, stopped;
    unsigned resets, ended;
} Bench;
extern Bench b;


/* With the controllers of the board, of the kernel, or split; with one cpu or two. */
int setup(void **state);
int setup_chip(void **state);
int setup_smp_board(void **state);
int setup_split(void **state);
int setup_smp_split(void **state);
int setup_smp(void **state);
int setup_switched_off(void **state); /* the feature nx */
int teardown(void **state);

void *run_cpu(void *cpu); /* until the guest is done */
void *run_on(void *cpu);  /* until it is kicked */
void start(const uint8_t *guest);
void run(const uint8_t *guest);
uint32_t ram_word(uint64_t at);
void wait_for(const bool *what);
void raise_input(unsigned cpu, unsigned input);

/* test_kvm_moved.c: cpus and controllers that move. */
void test_moved_pic(void **state);
void test_moved_messages(void **state);
void test_moved_inputs(void **state);
void test_chips(void **state);
void test_engines(void **state);

#endif
