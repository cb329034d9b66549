/* tinamou-disas: a filter that turns host code in hex into assembly:
 *   tinamou -d out_asm PROGRAM 2>&1 | tinamou-disas
 * The disassembler library stays out of the emulator, where linking it alone would cost 0.8 ms of start-up.
 *
 * Protocol, line by line:
 * - "ADDR HEXBYTES" (an even number of hex digits after the blanks) is x86-64 code at ADDR. Lines that follow
 *   each other without a gap are one piece of code. Printed is a line for each instruction: address, bytes,
 *   text. Bytes that the library does not know are printed one by one as ".byte".
 * - Anything else (headings of the log) is copied. It ends a piece of code, as the end of input does.
 * Output is flushed after each piece and line. Exit status: 0 at the end of input, 1 on an output error, 2 on
 * wrong usage.
 */
#include <capstone/capstone.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BYTES_COLUMN = 11 }; /* instructions up to this length keep the text aligned */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Reads a line of code in place: the bytes replace their digits. False when it is no such line. */
static bool code_parse(char *line, size_t len, uint64_t *ret_addr, uint8_t **ret_code, size_t *ret_size)
{
    uint64_t addr = 0;
    size_t i = len > 2 && line[0] == '0' && line[1] == 'x' ? 2 : 0, start = i;
    for (; i < len && hex_digit(line[i]) >= 0; i++)
        addr = addr << 4 | (unsigned)hex_digit(line[i]);
    if (i == start || i - start > 16 || i == len || line[i] != ' ')
        return false;
    while (i < len && line[i] == ' ')
        i++;
    char *digits = line + i;
    size_t n = len - i;
    if (n == 0 || n % 2)
        return false;
    for (i = 0; i < n; i++) {
        if (hex_digit(digits[i]) < 0)
            return false;
    }
    uint8_t *code = (uint8_t *)digits;
    for (i = 0; i < n / 2; i++)
        code[i] = (uint8_t)(hex_digit(digits[2 * i]) << 4 | hex_digit(digits[2 * i + 1]));
    *ret_addr = addr;
    *ret_code = code;
    *ret_size = n / 2;
    return true;
}

static void insn_print(uint64_t addr, const uint8_t *bytes, size_t n, const char *name, const char *operands)
{
    printf("0x%016llx  ", (unsigned long long)addr);
    for (size_t i = 0; i < n; i++)
        printf("%02x", bytes[i]);
    for (size_t i = n; i < BYTES_COLUMN; i++)
        fputs("  ", stdout);
    printf("  %s%s%s\n", name, *operands ? " " : "", operands);
}

static void code_print(csh cs, cs_insn *insn, uint64_t addr, const uint8_t *code, size_t size)
{
    while (size) {
        const uint8_t *at = code;
        uint64_t pc = addr;
        if (cs_disasm_iter(cs, &code, &size, &addr, insn)) {
            insn_print(pc, at, insn->size, insn->mnemonic, insn->op_str);
        } else {
            char text[8];
            snprintf(text, sizeof(text), "0x%02x", *code);
            insn_print(addr, code, 1, ".byte", text);
            code++;
            addr++;
            size--;
        }
    }
}

/* Code that is waiting for its end. */
typedef struct Piece {
    uint64_t addr;
    uint8_t *code;
    size_t size, room;
} Piece;

static bool piece_append(Piece *p, const uint8_t *code, size_t size)
{
    if (p->size + size > p->room) {
        size_t room = 2 * (p->size + size);
        uint8_t *grown = realloc(p->code, room);
        if (!grown)
            return false;
        p->code = grown;
        p->room = room;
    }
    memcpy(p->code + p->size, code, size);
    p->size += size;
    return true;
}

static bool piece_flush(Piece *p, csh cs, cs_insn *insn)
{
    code_print(cs, insn, p->addr, p->code, p->size);
    p->size = 0;
    return fflush(stdout) == 0;
}

static bool run(csh cs, cs_insn *insn)
{
    Piece piece = {0};
    char *line = NULL;
    size_t room = 0;
    ssize_t len;
    bool ok = true;
    while (ok && (len = getline(&line, &room, stdin)) > 0) {
        uint64_t addr;
        uint8_t *code;
        size_t size, text = (size_t)len - (line[len - 1] == '\n');
        bool is_code = code_parse(line, text, &addr, &code, &size);
        if (piece.size && (!is_code || addr != piece.addr + piece.size))
            ok = piece_flush(&piece, cs, insn);
        if (is_code) {
            if (!piece.size)
                piece.addr = addr;
            ok = ok && piece_append(&piece, code, size);
        } else {
            fwrite(line, 1, (size_t)len, stdout);
            ok = ok && fflush(stdout) == 0;
        }
    }
    ok = ok && piece_flush(&piece, cs, insn);
    free(piece.code);
    free(line);
    return ok;
}

int main(int argc, char **argv)
{
    if (argc != 1) {
        fprintf(stderr, "usage: %s < LOG\nlines \"ADDR HEXBYTES\" become assembly, others are copied\n",
                argv[0]);
        return 2;
    }
    csh cs;
    if (cs_open(CS_ARCH_X86, CS_MODE_64, &cs) != CS_ERR_OK) {
        fprintf(stderr, "tinamou-disas: cannot open the disassembler\n");
        return 1;
    }
    cs_insn *insn = cs_malloc(cs);
    bool ok = run(cs, insn);
    cs_free(insn, 1);
    cs_close(&cs);
    return ok ? 0 : 1;
}
