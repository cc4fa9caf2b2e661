#include <stdint.h>

void weir_log_to(uintptr_t handle);
