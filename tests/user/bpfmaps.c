/* bpf: maps and their elements, a filter on a socket that counts. */
#include "user.h"

#include <linux/bpf.h>
#include <sys/mount.h>
#include <sys/socket.h>

static long bpf(int command, union bpf_attr *attr)
{
    return syscall(SYS_bpf, command, attr, sizeof *attr);
}

static int create(unsigned type, unsigned key, unsigned value, unsigned entries)
{
    union bpf_attr attr = {.map_type = type, .key_size = key, .value_size = value, .max_entries = entries};
    strcpy(attr.map_name, "counts");
    return bpf(BPF_MAP_CREATE, &attr);
}

static long element(int command, int map, const void *key, void *value, uint64_t flags)
{
    union bpf_attr attr = {.map_fd = map, .key = (uintptr_t)key, .value = (uintptr_t)value, .flags = flags};
    return bpf(command, &attr);
}

static void hash(void)
{
    int map = create(BPF_MAP_TYPE_HASH, 4, 8, 3);
    uint32_t key[4] = {10, 20, 30, 40}, next = 0;
    uint64_t value[4] = {1, 2, 3, 4}, got = 0;
    show_bool("hash", map >= 0);
    if (map < 0)
        return;
    for (int k = 0; k < 4; k++)
        SHOW(element(BPF_MAP_UPDATE_ELEM, map, &key[k], &value[k], BPF_ANY));
    SHOW(element(BPF_MAP_UPDATE_ELEM, map, &key[0], &value[1], BPF_NOEXIST));
    SHOW(element(BPF_MAP_UPDATE_ELEM, map, &key[3], &value[1], BPF_EXIST));
    SHOW(element(BPF_MAP_LOOKUP_ELEM, map, &key[1], &got, 0));
    printf("%d\n", (int)got);
    SHOW(element(BPF_MAP_LOOKUP_ELEM, map, &key[3], &got, 0));
    SHOW(element(BPF_MAP_LOOKUP_ELEM, map, (void *)16, &got, 0));
    SHOW(element(BPF_MAP_LOOKUP_ELEM, map, &key[1], (void *)16, 0));
    SHOW(element(BPF_MAP_DELETE_ELEM, map, &key[1], NULL, 0));
    SHOW(element(BPF_MAP_DELETE_ELEM, map, &key[1], NULL, 0));
    int n = 0;
    uint32_t sum = 0, *at = NULL;
    while (!element(BPF_MAP_GET_NEXT_KEY, map, at, &next, 0)) {
        sum += next;
        n++;
        at = &next;
    }
    printf("%d keys, sum %u\n", n, sum);
    struct bpf_map_info info = {0};
    union bpf_attr attr = {.info = {.bpf_fd = map, .info_len = sizeof info, .info = (uintptr_t)&info}};
    SHOW(bpf(BPF_OBJ_GET_INFO_BY_FD, &attr));
    printf("%s: type %u, %u, %u, %u; %d bytes of information\n", info.name, info.type, info.key_size,
           info.value_size, info.max_entries, attr.info.info_len <= sizeof info);
    close(map);
}

static void batches(void)
{
    int map = create(BPF_MAP_TYPE_ARRAY, 4, 4, 8);
    uint32_t keys[8] = {0, 1, 2, 3}, values[8] = {5, 6, 7, 8}, out = 0;
    if (map < 0)
        return;
    union bpf_attr attr = {
        .batch = {.keys = (uintptr_t)keys, .values = (uintptr_t)values, .count = 4, .map_fd = map}};
    SHOW(bpf(BPF_MAP_UPDATE_BATCH, &attr));
    memset(values, 0, sizeof values);
    attr = (union bpf_attr){.batch = {.out_batch = (uintptr_t)&out,
                                      .keys = (uintptr_t)keys,
                                      .values = (uintptr_t)values,
                                      .count = 6,
                                      .map_fd = map}};
    SHOW(bpf(BPF_MAP_LOOKUP_BATCH, &attr));
    printf("%u elements, %u %u %u %u %u\n", attr.batch.count, values[0], values[1], values[2], values[3],
           values[4]);
    attr = (union bpf_attr){.map_fd = map};
    SHOW(bpf(BPF_MAP_FREEZE, &attr));
    SHOW(element(BPF_MAP_UPDATE_ELEM, map, keys, values, BPF_ANY));
    close(map);
}

/* r0 = how much of the packet is let through, after one was added to element 0. */
static void filter(void)
{
    int map = create(BPF_MAP_TYPE_ARRAY, 4, 8, 1), pair[2];
    struct bpf_insn code[] = {
        {BPF_ST | BPF_MEM | BPF_W, BPF_REG_10, 0, -4, 0},
        {BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_2, BPF_REG_10, 0, 0},
        {BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_2, 0, 0, -4},
        {BPF_LD | BPF_DW | BPF_IMM, BPF_REG_1, BPF_PSEUDO_MAP_FD, 0, map},
        {0, 0, 0, 0, 0},
        {BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem},
        {BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_0, 0, 2, 0},
        {BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_1, 0, 0, 1},
        {BPF_STX | BPF_ATOMIC | BPF_DW, BPF_REG_0, BPF_REG_1, 0, BPF_ADD},
        {BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 3},
        {BPF_JMP | BPF_EXIT, 0, 0, 0, 0},
    };
    static char log[65536];
    union bpf_attr attr = {.prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
                           .insn_cnt = sizeof code / sizeof *code,
                           .insns = (uintptr_t)code,
                           .license = (uintptr_t) "MIT",
                           .log_level = 1,
                           .log_size = sizeof log,
                           .log_buf = (uintptr_t)log};
    int program = bpf(BPF_PROG_LOAD, &attr);
    show_bool("filter", program >= 0);
    if (program < 0)
        return;
    char buf[100];
    uint32_t key = 0;
    uint64_t count = 0;
    socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
    SHOW(setsockopt(pair[0], SOL_SOCKET, SO_ATTACH_BPF, &program, sizeof program));
    for (int k = 0; k < 5; k++)
        SHOW(write(pair[1], "packet", 6));
    SHOW(read(pair[0], buf, sizeof buf));
    SHOW(element(BPF_MAP_LOOKUP_ELEM, map, &key, &count, 0));
    printf("%d packets\n", (int)count);
    char packet[64] = {0};
    attr = (union bpf_attr){
        .test = {
            .prog_fd = program, .data_size_in = sizeof packet, .data_in = (uintptr_t)packet, .repeat = 2}};
    SHOW(bpf(BPF_PROG_TEST_RUN, &attr));
    printf("returns %u\n", attr.test.retval);
    code[9].imm = 0;
    code[10].code = BPF_JMP | BPF_JA; /* beyond the end */
    attr = (union bpf_attr){.prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
                            .insn_cnt = 11,
                            .insns = (uintptr_t)code,
                            .license = (uintptr_t) "MIT"};
    SHOW(bpf(BPF_PROG_LOAD, &attr));
    /* Pinned where the file system is. */
    mkdir("bpf", 0700);
    if (!mount("bpf", "bpf", "bpf", 0, NULL)) {
        attr = (union bpf_attr){.pathname = (uintptr_t) "bpf/map", .bpf_fd = map};
        SHOW(bpf(BPF_OBJ_PIN, &attr));
        attr.bpf_fd = 0;
        show_bool("opened", bpf(BPF_OBJ_GET, &attr) >= 0);
        umount("bpf");
    }
}

int main(void)
{
    union bpf_attr attr = {0};
    char large[8192] = {0};
    hash();
    batches();
    filter();
    SHOW(syscall(SYS_bpf, BPF_MAP_CREATE, NULL, sizeof attr));
    SHOW(syscall(SYS_bpf, BPF_MAP_CREATE, large, sizeof large));
    large[4000] = 1;
    SHOW(syscall(SYS_bpf, BPF_MAP_CREATE, large, 4096));
    SHOW(bpf(BPF_MAP_CREATE, &attr));
    SHOW(element(BPF_MAP_LOOKUP_ELEM, -1, &attr, &attr, 0));
    return 0;
}
