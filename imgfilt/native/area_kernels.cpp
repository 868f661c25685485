// The table of area kernels for one instruction set (IMGFILT_ISA). Everything else has internal linkage.
#include "area_kernels.hpp"

#include "area_bilateral.hpp"
#include "area_canny.hpp"
#include "area_convert.hpp"
#include "area_integral.hpp"
#include "area_median.hpp"
#include "area_tile_median.hpp"

namespace {

constexpr imgfilt::AreaKernels kTable = {
    .load_key = IMGFILT_EACH(load_key),
    .store_key = IMGFILT_EACH(store_key),
    .load_f32 = IMGFILT_EACH(load_float, , float),
    .load_f64 = IMGFILT_EACH(load_float, , double),
    .store_f32 = IMGFILT_EACH(store_float, , float),
    .store_f64 = IMGFILT_EACH(store_float, , double),
    .median_rows = {IMGFILT_EACH_SIZE(uint8_t),
                    IMGFILT_EACH_SIZE(uint16_t),
                    IMGFILT_EACH_SIZE(int16_t),
                    {},
                    IMGFILT_EACH_SIZE(float),
                    IMGFILT_EACH_SIZE(double),
                    {}},
    .tile_median_u8 = tile_median_u8,
    .tile_median_rank = tile_median_rank,
    .bilateral_f32 = bilateral_row<float>,
    .bilateral_f64 = bilateral_row<double>,
    .gradient_u8 = gradient_rows<uint8_t, int16_t>,
    .gradient_f32 = gradient_rows<float, float>,
    .gradient_f64 = gradient_rows<double, double>,
    .thin_u8 = thin_rows<uint8_t, int16_t>,
    .thin_f32 = thin_rows<float, float>,
    .thin_f64 = thin_rows<double, double>,
    .spread_rows = spread_rows,
    .unfinished_rows = unfinished_rows,
    .expand_bits = expand_bits,
    .integral_rows = IMGFILT_EACH_SUM(integral_rows),
    .finish_streams = finish_streams,
    .add_row = IMGFILT_EACH_SUM(add_row),
};

}  // namespace

#define IMGFILT_PASTE_(a, b) a##b
#define IMGFILT_PASTE(a, b) IMGFILT_PASTE_(a, b)

extern "C" const imgfilt::AreaKernels* IMGFILT_PASTE(area_kernels_, IMGFILT_ISA)();
extern "C" const imgfilt::AreaKernels* IMGFILT_PASTE(area_kernels_, IMGFILT_ISA)() { return &kTable; }
