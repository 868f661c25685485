// The register block of filter banks: sums of some pixels by some vectors of filters, kept in registers over a long
// run of taps. Each step loads V vectors of weights once and spreads one element of the input for each pixel.
#pragma once

#include "bank_kernels.hpp"
#include "simd.hpp"

namespace {

// Sums in registers beside the V vectors of weights and one spread element.
#if defined(__AVX512BW__)
constexpr int kBlockColumns = 14;
#elif defined(__aarch64__)
constexpr int kBlockColumns = 12;
#else
constexpr int kBlockColumns = 6;
#endif

template <class T>
inline Vec<T> spread(T x) {
    return x - Vec<T>{};  // a difference, not a sum: 0 + -0 would be no copy
}

template <class T, int V, int Rows, int Columns>
void bank_block(const imgfilt::BankRun& run, const void* input, const void* weights, void* sums_) {
    constexpr int lanes = VectorOf<T>::lanes;
    constexpr int bases = (Columns + 2) / 3;  // an address reaches three pixels: base, base + step, base + 2 * step
    const T* const in = static_cast<const T*>(input);
    const T* w = static_cast<const T*>(weights);
    T* const sums = static_cast<T*>(sums_);
    Vec<T> sum[Rows][Columns][V];
#pragma GCC unroll 2
    for (int y = 0; y < Rows; ++y)
#pragma GCC unroll 14
        for (int x = 0; x < Columns; ++x)
#pragma GCC unroll 2
            for (int v = 0; v < V; ++v) sum[y][x][v] = load<Vec<T>>(sums + y * run.sums_row + (x * V + v) * lanes);
    const int64_t step = run.step;
    int64_t i = 0;
    do {  // at least once: else the sums would need a place in memory, too
        const T* base[Rows][bases];
#pragma GCC unroll 2
        for (int y = 0; y < Rows; ++y)
#pragma GCC unroll 5
            for (int b = 0; b < bases; ++b) base[y][b] = in + run.offsets[i] + y * run.row + 3 * b * step;
        int64_t q = 0;
        do {
            Vec<T> weight[V];
#pragma GCC unroll 2
            for (int v = 0; v < V; ++v) weight[v] = load<Vec<T>>(w + v * lanes);
            w += V * lanes;
#pragma GCC unroll 2
            for (int y = 0; y < Rows; ++y)
#pragma GCC unroll 14
                for (int x = 0; x < Columns; ++x) {
                    const Vec<T> pixel = spread(base[y][x / 3][x % 3 * step]);
#pragma GCC unroll 2
                    for (int v = 0; v < V; ++v) sum[y][x][v] = fused(pixel, weight[v], sum[y][x][v]);
                }
#pragma GCC unroll 2
            for (int y = 0; y < Rows; ++y)
#pragma GCC unroll 5
                for (int b = 0; b < bases; ++b) ++base[y][b];
        } while (++q < run.length);
    } while (++i < run.count);
#pragma GCC unroll 2
    for (int y = 0; y < Rows; ++y)
#pragma GCC unroll 14
        for (int x = 0; x < Columns; ++x)
#pragma GCC unroll 2
            for (int v = 0; v < V; ++v) store(sums + y * run.sums_row + (x * V + v) * lanes, sum[y][x][v]);
}

}  // namespace
