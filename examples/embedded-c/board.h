/* What this example wants of its board. */
#ifndef BOARD_H
#define BOARD_H

/* Prints a text. */
void board_print(const char *text);

#endif
