// The table of Fourier transforms' kernels for one instruction set (IMGFILT_ISA). Everything else has internal linkage.
#include "fft_kernels.hpp"

#include "fft_lines.hpp"
#include "fft_passes.hpp"

namespace {

using imgfilt::DType;

template <class T>
constexpr imgfilt::FourierKernelsOf<T> table() {
    imgfilt::FourierKernelsOf<T> found{};
    found.forward = forward<T>;
    found.backward = backward<T>;
    found.filter_rows = filter_rows<T>;
    found.transform_rows = transform_rows<T>;
    found.widen[static_cast<int>(DType::u8)] = widen<T, uint8_t>;
    found.widen[static_cast<int>(DType::u16)] = widen<T, uint16_t>;
    found.widen[static_cast<int>(DType::i16)] = widen<T, int16_t>;
    found.widen[static_cast<int>(DType::f32)] = widen<T, float>;
    found.widen[static_cast<int>(DType::f64)] = widen<T, double>;
    found.split = split<T>;
    found.join_f32 = join<T, float>;
    found.join_f64 = join<T, double>;
    return found;
}

constexpr imgfilt::FourierKernels kTable = {table<float>(), table<double>()};

}  // namespace

#define IMGFILT_PASTE_(a, b) a##b
#define IMGFILT_PASTE(a, b) IMGFILT_PASTE_(a, b)

extern "C" const imgfilt::FourierKernels* IMGFILT_PASTE(fft_kernels_, IMGFILT_ISA)();
extern "C" const imgfilt::FourierKernels* IMGFILT_PASTE(fft_kernels_, IMGFILT_ISA)() { return &kTable; }
