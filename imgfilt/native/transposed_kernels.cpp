// The table of transposed convolutions' kernels for one instruction set (IMGFILT_ISA). Everything else has internal
// linkage.
#include "transposed_kernels.hpp"

#include "bank_transpose.hpp"
#include "transposed_block.hpp"

namespace {

template <class T, int V, int Rows, int... X>
constexpr void fill_filter_blocks(imgfilt::FilterKernel* to, Lanes<X...>) {
    ((to[X] = filter_block<T, V, Rows, X + 1>), ...);
}

template <class T, int F>
constexpr void fill_pixel_blocks(imgfilt::PixelKernel* to) {
    to[0] = pixel_block<T, F, 1>;
    to[1] = pixel_block<T, F, 2>;
    if constexpr (kBlockPixelVectors == 4) to[2] = pixel_block<T, F, 4>;
}

template <class T, int S>
constexpr void fill_phase_rows(imgfilt::RowKernel* to) {
    to[0] = phase_row<T, S, 1>;
    to[1] = phase_row<T, S, 2>;
    to[2] = phase_row<T, S, 3>;
    to[3] = phase_row<T, S, 4>;
}

template <class T>
constexpr imgfilt::TransposedKernelsOf<T> table() {
    imgfilt::TransposedKernelsOf<T> found{};
    found.lanes = VectorOf<T>::lanes;
    found.pixels = kBlockPixels;
    found.pixel_vectors = kBlockPixelVectors;
    fill_filter_blocks<T, 1, 1>(found.filter_block[0][0], LanesUpTo<kBlockPixels>::type{});
    fill_filter_blocks<T, 1, 2>(found.filter_block[0][1], LanesUpTo<kBlockPixels / 2>::type{});
    fill_filter_blocks<T, 2, 1>(found.filter_block[1][0], LanesUpTo<kBlockPixels>::type{});
    fill_filter_blocks<T, 2, 2>(found.filter_block[1][1], LanesUpTo<kBlockPixels / 2>::type{});
    fill_pixel_blocks<T, 1>(found.pixel_block[0]);
    fill_pixel_blocks<T, 2>(found.pixel_block[1]);
    fill_pixel_blocks<T, 3>(found.pixel_block[2]);
    fill_pixel_blocks<T, 4>(found.pixel_block[3]);
    fill_phase_rows<T, 1>(found.phase_row[0]);
    fill_phase_rows<T, 2>(found.phase_row[1]);
    fill_phase_rows<T, 3>(found.phase_row[2]);
    fill_phase_rows<T, 4>(found.phase_row[3]);
    found.interleave = interleave<T>;
    found.add = add<T>;
    found.transpose = transpose<T>;
    return found;
}

constexpr imgfilt::TransposedKernels kTable = {table<float>(), table<double>()};

}  // namespace

#define IMGFILT_PASTE_(a, b) a##b
#define IMGFILT_PASTE(a, b) IMGFILT_PASTE_(a, b)

extern "C" const imgfilt::TransposedKernels* IMGFILT_PASTE(transposed_kernels_, IMGFILT_ISA)();
extern "C" const imgfilt::TransposedKernels* IMGFILT_PASTE(transposed_kernels_, IMGFILT_ISA)() { return &kTable; }
