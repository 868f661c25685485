// Few filters over long rows: blocks of filters by vectors of neighbouring pixels.
#pragma once

#include "bank_kernels.hpp"
#include "simd.hpp"

namespace {

// Vectors of pixels of the widest block of so many filters: the sums, the pixels and one weight in registers.
constexpr int rows_vectors(int filters) {
#if defined(__AVX512BW__) || defined(__aarch64__)
    return filters < 3 ? 8 : 6;
#else
    return filters == 1 ? 6 : filters == 2 ? 4 : filters == 3 ? 3 : 2;
#endif
}

template <class T, int Filters, int Vectors>
void rows_block(const imgfilt::RowsRun& run, const void* input, const void* weights, void* sums_) {
    constexpr int lanes = VectorOf<T>::lanes;
    const T* const in = static_cast<const T*>(input);
    const T* w = static_cast<const T*>(weights);
    T* const sums = static_cast<T*>(sums_);
    Vec<T> sum[Filters][Vectors];
#pragma GCC unroll 4
    for (int f = 0; f < Filters; ++f)
#pragma GCC unroll 8
        for (int x = 0; x < Vectors; ++x) sum[f][x] = load<Vec<T>>(sums + f * run.sums_row + x * lanes);
    int64_t i = 0;
    do {
        const T* from = in + run.offsets[i];
        Vec<T> pixel[Vectors];
#pragma GCC unroll 8
        for (int x = 0; x < Vectors; ++x) pixel[x] = load<Vec<T>>(from + x * lanes);
#pragma GCC unroll 4
        for (int f = 0; f < Filters; ++f) {
            const Vec<T> weight = w[f] - Vec<T>{};
#pragma GCC unroll 8
            for (int x = 0; x < Vectors; ++x) sum[f][x] = fused(pixel[x], weight, sum[f][x]);
        }
        w += Filters;
    } while (++i < run.count);
#pragma GCC unroll 4
    for (int f = 0; f < Filters; ++f)
#pragma GCC unroll 8
        for (int x = 0; x < Vectors; ++x) store(sums + f * run.sums_row + x * lanes, sum[f][x]);
}

}  // namespace
