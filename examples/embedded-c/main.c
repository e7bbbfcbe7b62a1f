/* Reads a handwritten digit. */
#include "board.h"
#include "digits.h"
#include "picture.h"

static union {
  double align;
  uint8_t bytes[DIGITS_WORKSPACE_SIZE + DIGITS_WORKSPACE_ALIGN];
} memory;

static void print_number(uint32_t n) {
  char text[12];
  char *p = text + sizeof text;
  *--p = '\0';
  do {
    *--p = (char)('0' + n % 10u);
    n /= 10u;
  } while (n != 0u);
  board_print(p);
}

int main(void) {
  float probabilities[10];
  const digits_inputs in = {picture};
  const digits_outputs out = {probabilities};
  uint8_t *const workspace = memory.bytes + (DIGITS_WORKSPACE_ALIGN - (uintptr_t)memory.bytes % DIGITS_WORKSPACE_ALIGN) % DIGITS_WORKSPACE_ALIGN;
  const int32_t status = digits_run(&in, &out, workspace, DIGITS_WORKSPACE_SIZE);
  if (status != DIGITS_OK) {
    board_print("the model refuses to run: status ");
    print_number((uint32_t)status);
    board_print("\n");
    return 1;
  }
  uint32_t best = 0;
  for (uint32_t i = 1; i < 10u; i++)
    if (probabilities[i] > probabilities[best]) best = i;
  board_print("This is a ");
  print_number(best);
  board_print(" (");
  print_number((uint32_t)(probabilities[best] * 100.0f + 0.5f));
  board_print(" %), read in ");
  print_number(DIGITS_WORKSPACE_SIZE);
  board_print(" bytes of RAM.\n");
  return 0;
}
