/* From reset to main, and text by semihosting: whoever debugs or emulates the board prints it. */
#include "board.h"
#include <stdint.h>

extern uint32_t stack_top[], data_load[], data_start[], data_end[], bss_start[], bss_end[];
int main(void);
void reset(void);

static void host(uint32_t operation, const void *argument) {
  register uint32_t r0 __asm__("r0") = operation;
  register const void *r1 __asm__("r1") = argument;
  __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
}

void board_print(const char *text) { host(0x04, text); }

static void stop(uint32_t code) {
  const uint32_t reason[2] = {0x20026u, code};
  host(0x20, reason);
  for (;;) {
  }
}

void reset(void) {
  /* The FPU is off until it is asked for. */
  *(volatile uint32_t *)0xE000ED88u |= 0xFu << 20;
  __asm__ volatile("dsb\n isb" ::: "memory");
  for (uint32_t *to = data_start, *from = data_load; to < data_end;) *to++ = *from++;
  for (uint32_t *p = bss_start; p < bss_end;) *p++ = 0u;
  stop((uint32_t)main());
}

static void fault(void) {
  board_print("fault\n");
  stop(125u);
}

__attribute__((section(".vectors"), used)) static const void *const vectors[16] = {
    stack_top, (const void *)reset, (const void *)fault, (const void *)fault,
    (const void *)fault, (const void *)fault, (const void *)fault,
};
