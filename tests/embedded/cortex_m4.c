/* tests/embedded/cortex_m4.c -- where a Cortex-M4 begins: its vectors, its floating point, newlib. */
#include <stdint.h>

extern uint32_t __stack;
void _start(void); /* newlib's, for semihosting */
void _init(void);
void _fini(void);

/* Debian's toolchain has these for hosted systems alone. */
void _init(void)
{
}

void _fini(void)
{
}

__attribute__((noreturn, naked)) void reset(void);
void reset(void)
{
    __asm__ volatile("ldr r0, =0xE000ED88\n" /* CPACR: full access to the coprocessors 10 and 11 */
                     "ldr r1, [r0]\n"
                     "orr r1, r1, #(0xF << 20)\n"
                     "str r1, [r0]\n"
                     "dsb\n"
                     "isb\n"
                     "b _start\n");
}

static void fault(void)
{
    for (;;)
        __asm__ volatile("bkpt 0xAB" ::: "memory");
}

union vector {
    uint32_t *stack;
    void (*code)(void);
};

__attribute__((section(".vectors"), used)) static const union vector vectors[16] = {
    {.stack = &__stack}, {.code = reset}, {.code = fault}, {.code = fault},
    {.code = fault},     {.code = fault}, {.code = fault}};
