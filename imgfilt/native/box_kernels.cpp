// Compiled once per instruction set (IMGFILT_ISA); exports one function.
#include "box_kernels.hpp"

#include "box_rows.hpp"

namespace {

constexpr imgfilt::BoxKernels kTable = {
#if defined(IMGFILT_PAIRS)
    .u8 = box_rows<uint8_t>,
    .u16 = box_rows<uint16_t>,
#endif
};

}  // namespace

#define IMGFILT_JOIN2(a, b) a##b
#define IMGFILT_JOIN(a, b) IMGFILT_JOIN2(a, b)

extern "C" const imgfilt::BoxKernels* IMGFILT_JOIN(box_kernels_, IMGFILT_ISA)();
extern "C" const imgfilt::BoxKernels* IMGFILT_JOIN(box_kernels_, IMGFILT_ISA)() { return &kTable; }
