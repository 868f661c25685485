// Blocks of filters by pixels whose lanes are the images of a batch: the weights are what is spread here.
#pragma once

#include "bank_kernels.hpp"
#include "simd.hpp"

namespace {

#if defined(__AVX512BW__) || defined(__aarch64__)
constexpr int kImagesPixels = 6;
#else
constexpr int kImagesPixels = 3;
#endif

// Eight images, or as many as a vector has if these are fewer.
#if defined(__AVX512BW__)
typedef float EightFloats __attribute__((vector_size(32)));
inline EightFloats fused(EightFloats a, EightFloats b, EightFloats c) {
    return (EightFloats)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
}
#else
typedef Vec<float> EightFloats;
#endif

template <class T, class V, int Pixels>
void images_block(const imgfilt::ImagesRun& run, const void* input, const void* bias, void* out) {
    constexpr int lanes = sizeof(V) / sizeof(T), filters = imgfilt::kImagesFilters;
    V sum[filters][Pixels];
#pragma GCC unroll 4
    for (int f = 0; f < filters; ++f) {
        const V start = static_cast<const T*>(bias)[f] - V{};
#pragma GCC unroll 6
        for (int x = 0; x < Pixels; ++x) sum[f][x] = start;
    }
    const T* w[filters];
#pragma GCC unroll 4
    for (int f = 0; f < filters; ++f) w[f] = static_cast<const T*>(run.weights[f]);
    const int64_t kh = run.kernel_height, kw = run.kernel_width, images = run.images, step = run.step;
    int64_t c = 0;
    do {  // all loops at least once: else the sums would need a place in memory, too
        const T* column = static_cast<const T*>(input) + c * run.plane;
        int64_t v = 0;
        do {
            const T* from = column;
            int64_t tap = (c * kh) * kw + v;
            int64_t u = 0;
            do {
                V pixel[Pixels];
#pragma GCC unroll 6
                for (int x = 0; x < Pixels; ++x) pixel[x] = load<V>(from + x * step);
#pragma GCC unroll 4
                for (int f = 0; f < filters; ++f) {
                    const V weight = w[f][tap] - V{};
#pragma GCC unroll 6
                    for (int x = 0; x < Pixels; ++x) sum[f][x] = fused(pixel[x], weight, sum[f][x]);
                }
                from += images;
                tap += kw;
            } while (++u < kh);
            column += run.column;
        } while (++v < kw);
    } while (++c < run.channels);
#pragma GCC unroll 4
    for (int f = 0; f < filters; ++f)
#pragma GCC unroll 6
        for (int x = 0; x < Pixels; ++x) {
            if (f >= run.filters) continue;
            char* to = static_cast<char*>(out) + f * run.out_filter + x * run.out_pixel;
            if (run.valid >= lanes && run.out_image == static_cast<int64_t>(sizeof(T))) {
                std::memcpy(to, &sum[f][x], sizeof(V));
            } else {
                T each[lanes];
                std::memcpy(each, &sum[f][x], sizeof(V));
                for (int64_t l = 0; l < lanes && l < run.valid; ++l)
                    std::memcpy(to + l * run.out_image, each + l, sizeof(T));
            }
        }
}

}  // namespace
