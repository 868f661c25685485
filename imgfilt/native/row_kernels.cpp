// Compiled once per instruction set (IMGFILT_ISA); exports one function.
#include "row_kernels.hpp"

#include "row_apart.hpp"
#include "row_block.hpp"
#include "row_convert.hpp"
#include "row_dense.hpp"
#include "row_finish.hpp"
#include "row_gradient.hpp"
#include "row_luma.hpp"
#include "row_pairs.hpp"
#include "row_phases.hpp"
#include "row_pointwise.hpp"
#include "row_saturated.hpp"
#include "row_srgb.hpp"
#include "row_sums.hpp"
#include "row_taps.hpp"
#include "row_taps16.hpp"
#include "row_taps32.hpp"

namespace {

using imgfilt::DType;
using imgfilt::RowKernels;

template <class From>
void fill_row(RowKernels& k, DType from) {
    auto& row = k.convert[static_cast<int>(from)];
    row[static_cast<int>(DType::u8)] = convert<From, uint8_t>;
    row[static_cast<int>(DType::u16)] = convert<From, uint16_t>;
    row[static_cast<int>(DType::i16)] = convert<From, int16_t>;
    row[static_cast<int>(DType::f32)] = convert<From, float>;
    row[static_cast<int>(DType::f64)] = convert<From, double>;
}

void fill_windows(RowKernels& k) {
    const int u8 = static_cast<int>(DType::u8), u16 = static_cast<int>(DType::u16), i32 = static_cast<int>(DType::i32),
              f32 = static_cast<int>(DType::f32), f64 = static_cast<int>(DType::f64);
    k.window_sums[u16][u16] = window_sums<uint16_t, uint16_t>;
    k.window_sums[u16][i32] = window_sums<uint16_t, uint32_t>;
    k.window_sums[i32][i32] = window_sums<uint32_t, uint32_t>;
    k.window_sums[f64][f64] = window_sums<double, double>;
    k.window_pixels[f64][f32] = scaled_real_windows;
    k.window_u16_u8 = divided_windows;
#if defined(IMGFILT_PAIRS)
    k.window_pixels[u16][u8] = scaled_windows<uint16_t, uint8_t>;
    k.window_pixels[i32][u8] = scaled_windows<uint32_t, uint8_t>;
    k.window_pixels[i32][u16] = scaled_windows<uint32_t, uint16_t>;
#else
    (void)u8;
#endif
}

void fill_pixels(RowKernels& k) {
    const int u8 = static_cast<int>(DType::u8), u16 = static_cast<int>(DType::u16), i32 = static_cast<int>(DType::i32),
              f32 = static_cast<int>(DType::f32);
    k.sharpen_pixels[u8][i32][u8] = sharpen_pixels<uint8_t, int32_t, uint8_t>;
    k.sharpen_pixels[f32][f32][u8] = sharpen_pixels<float, float, uint8_t>;
    k.sharpen_pixels[f32][f32][u16] = sharpen_pixels<float, float, uint16_t>;
    k.mix_pixels[u8][i32][u8] = mix_pixels<uint8_t, int32_t, uint8_t>;
    k.mix_pixels[i32][i32][u8] = mix_pixels<int32_t, int32_t, uint8_t>;
    k.mix_pixels[f32][f32][u8] = mix_pixels<float, float, uint8_t>;
    k.mix_pixels[f32][f32][u16] = mix_pixels<float, float, uint16_t>;
}

RowKernels make_table() {
    RowKernels k{};
    k.taps_u8_i16 = taps_u8_i16;
    k.two_taps_u8_i16 = two_taps_u8_i16;
    k.taps_i16_i16 = taps_i16_i16;
    k.taps_i16_i32 = taps_i16_i32;
    k.taps_f32 = taps<float, float>;
    k.taps_f64 = taps<double, double>;
#if defined(IMGFILT_APART)
    k.taps_apart_f32 = taps_apart_f32;
#endif
    k.columns_u8_i16 = columns_u8_i16;
    k.columns_f32 = columns<float>;
    k.columns_f64 = columns<double>;
    k.along_f32 = along<float>;
    k.along_f64 = along<double>;
    k.dense_f32 = dense<float>;
    k.dense_f64 = dense<double>;
#if defined(IMGFILT_PAIRS)
    k.dense_i16_i32 = dense_pairs<int32_t>;
    k.dense_i16_u8 = dense_pairs<uint8_t>;
#endif
    k.taps_u8_f32 = taps_widened<uint8_t, float>;
    k.taps_u16_f32 = taps_u16_f32;
    k.taps_i16_f32 = taps_widened<int16_t, float>;
    k.taps_i16_u8 = taps_i16_u8;
    k.taps_narrow_u8 = taps_narrow_u8;
    k.taps_saturated_u8 = taps_saturated_u8;
    k.taps_saturated_i16 = taps_saturated_i16;
    k.gradient_u8 = gradient_u8;
    k.gradient_f32 = gradient_f32<float>;
    k.gradient_f32_u16 = gradient_f32<uint16_t>;
    k.divide_u16_u8 = divide_u16_u8;
    k.slide_u8_u16 = slide<uint8_t, uint16_t>;
    k.slide_u8_i32 = slide_u8_i32;
    k.slide_u16_i32 = slide_u16_i32;
    k.slide_i16_i32 = slide_i16_i32;
    k.slide_f32_f64 = slide_f32_f64;
    fill_windows(k);
    fill_pixels(k);
    k.window_f32 = window<float>;
    k.window_f64 = window<double>;
    k.decimate[0] = decimate<uint8_t>;
    k.decimate[1] = decimate<uint16_t>;
    k.decimate[2] = decimate<uint32_t>;
    k.decimate[3] = decimate<uint64_t>;
    k.interleave[0] = interleave<uint8_t>;
    k.interleave[1] = interleave<uint16_t>;
    k.interleave[2] = interleave<uint32_t>;
    k.interleave[3] = interleave<uint64_t>;
    fill_row<uint8_t>(k, DType::u8);
    fill_row<uint16_t>(k, DType::u16);
    fill_row<int16_t>(k, DType::i16);
    fill_row<int32_t>(k, DType::i32);
    fill_row<float>(k, DType::f32);
    fill_row<double>(k, DType::f64);
    const int u8 = static_cast<int>(DType::u8);
    k.convert[static_cast<int>(DType::i16)][u8] = convert_u8<int16_t>;
    k.convert[static_cast<int>(DType::u16)][u8] = convert_u8<uint16_t>;
    k.convert[static_cast<int>(DType::i32)][u8] = convert_u8<int32_t>;
    k.convert[static_cast<int>(DType::f32)][u8] = convert_u8<float>;
    k.convert[static_cast<int>(DType::f32)][static_cast<int>(DType::u16)] = convert_f32_u16;
    const int i32 = static_cast<int>(DType::i32);  // integers widened for sums: as they are
    k.convert[static_cast<int>(DType::u8)][i32] = widen<uint8_t>;
    k.convert[static_cast<int>(DType::u16)][i32] = widen<uint16_t>;
    k.convert[static_cast<int>(DType::i16)][i32] = widen<int16_t>;
    k.luma[static_cast<int>(DType::u8)] = luma_u8;
    k.luma[static_cast<int>(DType::u16)] = luma_u16;
    k.luma[static_cast<int>(DType::i16)] = luma_i16;
    k.luma[static_cast<int>(DType::f32)] = luma_real<float>;
    k.luma[static_cast<int>(DType::f64)] = luma_real<double>;
    k.magnitude_f32 = magnitude<float>;
    k.magnitude_f64 = magnitude<double>;
    k.maximum_i16 = maximum<int16_t>;
    k.maximum_f32 = maximum<float>;
    k.maximum_f64 = maximum<double>;
    k.combine_f32 = combine<float>;
    k.combine_f64 = combine<double>;
    k.sharpen_f32 = sharpen<float>;
    k.sharpen_f64 = sharpen<double>;
    k.premultiply_f32 = premultiply<float>;
    k.premultiply_f64 = premultiply<double>;
    k.unpremultiply_f32 = unpremultiply<float>;
    k.unpremultiply_f64 = unpremultiply<double>;
    k.linearize_f32 = linearize<float>;
    k.linearize_f64 = linearize<double>;
    k.delinearize_f32 = delinearize<float>;
    k.delinearize_f64 = delinearize<double>;
    k.copy_alpha_f32 = copy_alpha<float>;
    k.copy_alpha_f64 = copy_alpha<double>;
    return k;
}

}  // namespace

#define IMGFILT_JOIN2(a, b) a##b
#define IMGFILT_JOIN(a, b) IMGFILT_JOIN2(a, b)

extern "C" const imgfilt::RowKernels* IMGFILT_JOIN(row_kernels_, IMGFILT_ISA)();
extern "C" const imgfilt::RowKernels* IMGFILT_JOIN(row_kernels_, IMGFILT_ISA)() {
    static const imgfilt::RowKernels table = make_table();
    return &table;
}
