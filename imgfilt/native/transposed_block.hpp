// Register blocks of transposed convolutions: sums of some pixels and filters kept in registers over many terms, with
// the filters in the lanes of a vector, or the pixels.
#pragma once

#include "bank_transpose.hpp"
#include "simd.hpp"
#include "transposed_kernels.hpp"

namespace {

// Sums in registers beside two vectors of weights (or of pixels) and one spread element.
#if defined(__AVX512BW__)
constexpr int kBlockPixels = 14, kBlockPixelVectors = 4, kBlockSums = 24;
#elif defined(__aarch64__)
constexpr int kBlockPixels = 12, kBlockPixelVectors = 4, kBlockSums = 24;
#else
constexpr int kBlockPixels = 6, kBlockPixelVectors = 2, kBlockSums = 8;
#endif

template <class T>
inline Vec<T> spread_one(T x) {
    return x - Vec<T>{};  // a difference, not a sum: 0 + -0 would be no copy
}

template <class T, int V, int Rows, int Pixels>
void filter_block(const imgfilt::FilterBlock& block, const void* in_, const void* weights_, void* sums_) {
    constexpr int lanes = VectorOf<T>::lanes;
    const T* const in = static_cast<const T*>(in_);
    const T* const weights = static_cast<const T*>(weights_);
    T* const sums = static_cast<T*>(sums_);
    Vec<T> sum[Rows][Pixels][V];
#pragma GCC unroll 2
    for (int y = 0; y < Rows; ++y)
#pragma GCC unroll 14
        for (int x = 0; x < Pixels; ++x)
#pragma GCC unroll 2
            for (int v = 0; v < V; ++v)
                sum[y][x][v] = load<Vec<T>>(sums + y * block.sums_row + x * block.sums_pixel + v * lanes);
    const imgfilt::Term* term = block.terms;
    const imgfilt::Term* const end = term + block.count;
    do {  // at least once: else the sums would need a place in memory, too
        const T* const w = weights + term->weight;
        const T* const row[2] = {in + term->in, in + term->in + block.in_row};
        Vec<T> weight[V];
#pragma GCC unroll 2
        for (int v = 0; v < V; ++v) weight[v] = load<Vec<T>>(w + v * lanes);
#pragma GCC unroll 2
        for (int y = 0; y < Rows; ++y)
#pragma GCC unroll 14
            for (int x = 0; x < Pixels; ++x) {
                const Vec<T> pixel = spread_one(row[y][x]);
#pragma GCC unroll 2
                for (int v = 0; v < V; ++v) sum[y][x][v] = fused(pixel, weight[v], sum[y][x][v]);
            }
    } while (++term != end);
#pragma GCC unroll 2
    for (int y = 0; y < Rows; ++y)
#pragma GCC unroll 14
        for (int x = 0; x < Pixels; ++x)
#pragma GCC unroll 2
            for (int v = 0; v < V; ++v)
                store(sums + y * block.sums_row + x * block.sums_pixel + v * lanes, sum[y][x][v]);
}

template <class T, int Filters, int X>
void pixel_block(const imgfilt::PixelBlock& block, const void* in_, const void* weights_, void* sums_) {
    constexpr int lanes = VectorOf<T>::lanes;
    const T* const in = static_cast<const T*>(in_);
    const T* const weights = static_cast<const T*>(weights_);
    T* const sums = static_cast<T*>(sums_);
    Vec<T> sum[Filters][X];
#pragma GCC unroll 4
    for (int f = 0; f < Filters; ++f)
#pragma GCC unroll 4
        for (int x = 0; x < X; ++x)
            sum[f][x] = block.first ? spread_one(static_cast<const T*>(block.bias)[f])
                                    : load<Vec<T>>(sums + f * block.sums_filter + x * lanes);
    const imgfilt::Term* term = block.terms;
    const imgfilt::Term* const end = term + block.count;
    do {
        const T* const w = weights + term->weight;
        const T* const from = in + term->in;
        Vec<T> pixels[X];
#pragma GCC unroll 4
        for (int x = 0; x < X; ++x) pixels[x] = load<Vec<T>>(from + x * lanes);
#pragma GCC unroll 4
        for (int f = 0; f < Filters; ++f) {
            const Vec<T> weight = spread_one(w[f * block.weights_filter]);
#pragma GCC unroll 4
            for (int x = 0; x < X; ++x) sum[f][x] = fused(pixels[x], weight, sum[f][x]);
        }
    } while (++term != end);
#pragma GCC unroll 4
    for (int f = 0; f < Filters; ++f)
#pragma GCC unroll 4
        for (int x = 0; x < X; ++x) store(sums + f * block.sums_filter + x * lanes, sum[f][x]);
}

// The vector of place `Place` among those that hold the elements of some vectors in turn.
template <int Place, class V, int... I>
inline V in_turn(const V (&from)[1], Lanes<I...>) {
    return from[0];
}
template <int Place, class V, int... I>
inline V in_turn(const V (&from)[2], Lanes<I...>) {
    constexpr int lanes = sizeof...(I), base = Place * lanes;
    return __builtin_shufflevector(from[0], from[1], ((base + I) / 2 + (base + I) % 2 * lanes)...);
}
template <int Place, class V, int... I>
inline V in_turn(const V (&from)[3], Lanes<I...>) {
    constexpr int lanes = sizeof...(I), base = Place * lanes;
    const V two = __builtin_shufflevector(from[0], from[1],
                                          ((base + I) % 3 == 2 ? I : (base + I) / 3 + (base + I) % 3 * lanes)...);
    return __builtin_shufflevector(two, from[2], ((base + I) % 3 == 2 ? (base + I) / 3 + lanes : I)...);
}
template <int Place, class V, int... I>
inline V in_turn(const V (&from)[4], Lanes<I...>) {
    constexpr int lanes = sizeof...(I), base = Place * lanes;
    const V low = __builtin_shufflevector(from[0], from[1], ((base + I) / 4 + (base + I) % 2 * lanes)...);
    const V high = __builtin_shufflevector(from[2], from[3], ((base + I) / 4 + (base + I) % 2 * lanes)...);
    return __builtin_shufflevector(low, high, ((base + I) % 4 < 2 ? I : I + lanes)...);
}
template <class T, int S, int... Place>
inline void store_in_turn(T* out, const Vec<T> (&from)[S], Lanes<Place...>) {
    constexpr int lanes = VectorOf<T>::lanes;
    (store(out + Place * lanes, in_turn<Place>(from, typename LanesUpTo<lanes>::type{})), ...);
}

// Pixels t .. t + X * lanes - 1 of all phases, to out + t * S.
template <class T, int S, int F, int X>
inline void phase_chunk(const imgfilt::PhaseRow& row, int64_t t, T* const (&out)[F]) {
    constexpr int lanes = VectorOf<T>::lanes;
    Vec<T> sum[F][X][S];
#pragma GCC unroll 4
    for (int s = 0; s < S; ++s) {
#pragma GCC unroll 4
        for (int f = 0; f < F; ++f)
#pragma GCC unroll 4
            for (int x = 0; x < X; ++x) sum[f][x][s] = spread_one(static_cast<const T*>(row.bias)[f]);
        const T* const in = static_cast<const T*>(row.in[s]) + t;
        const imgfilt::Term* term = row.terms[s];
        for (int64_t left = row.count[s]; left > 0; --left, ++term) {
            const T* const w = static_cast<const T*>(row.weights) + term->weight;
            const T* const from = in + term->in;
            Vec<T> pixels[X];
#pragma GCC unroll 4
            for (int x = 0; x < X; ++x) pixels[x] = load<Vec<T>>(from + x * lanes);
#pragma GCC unroll 4
            for (int f = 0; f < F; ++f) {
                const Vec<T> weight = spread_one(w[f * row.weights_filter]);
#pragma GCC unroll 4
                for (int x = 0; x < X; ++x) sum[f][x][s] = fused(pixels[x], weight, sum[f][x][s]);
            }
        }
    }
#pragma GCC unroll 4
    for (int f = 0; f < F; ++f)
#pragma GCC unroll 4
        for (int x = 0; x < X; ++x)
            store_in_turn<T, S>(out[f] + x * lanes * S, sum[f][x], typename LanesUpTo<S>::type{});
}

template <class T, int S, int F>
void phase_row(const imgfilt::PhaseRow& row) {
    constexpr int lanes = VectorOf<T>::lanes;
    constexpr int most = S * F * 4 <= kBlockSums ? 4 : S * F * 2 <= kBlockSums ? 2 : 1;
    const int64_t pixels = (row.n + S - 1) / S;
    T* out[F];
    for (int f = 0; f < F; ++f) out[f] = static_cast<T*>(row.out[f]);
    int64_t t = 0;
    const auto step = [&](int64_t by) {
        for (int f = 0; f < F; ++f) out[f] += by * S;
        t += by;
    };
    for (; (t + most * lanes) * S <= row.n; step(most * lanes)) phase_chunk<T, S, F, most>(row, t, out);
    if constexpr (most > 1)
        for (; (t + lanes) * S <= row.n; step(lanes)) phase_chunk<T, S, F, 1>(row, t, out);
    if (t < pixels) {
        T rest[F][lanes * S];
        T* to[F];
        for (int f = 0; f < F; ++f) to[f] = rest[f];
        phase_chunk<T, S, F, 1>(row, t, to);
        for (int f = 0; f < F; ++f) std::memcpy(out[f], rest[f], static_cast<std::size_t>(row.n - t * S) * sizeof(T));
    }
}

template <class T, int Count>
void interleave_lines(const T* __restrict lines, int64_t pitch, T* __restrict out, int64_t groups) {
    for (int64_t t = 0; t < groups; ++t)
#pragma GCC unroll 4
        for (int k = 0; k < Count; ++k) out[t * Count + k] = lines[k * pitch + t];
}

template <class T>
void interleave(const void* lines_, int64_t pitch, int64_t count, void* out_, int64_t n) {
    const T* const lines = static_cast<const T*>(lines_);
    T* const out = static_cast<T*>(out_);
    const int64_t groups = n / count;
    if (count == 1) {
        interleave_lines<T, 1>(lines, pitch, out, groups);
    } else if (count == 2) {
        interleave_lines<T, 2>(lines, pitch, out, groups);
    } else if (count == 3) {
        interleave_lines<T, 3>(lines, pitch, out, groups);
    } else if (count == 4) {
        interleave_lines<T, 4>(lines, pitch, out, groups);
    } else {
        for (int64_t t = 0; t < groups; ++t)
            for (int64_t k = 0; k < count; ++k) out[t * count + k] = lines[k * pitch + t];
    }
    for (int64_t i = groups * count; i < n; ++i) out[i] = lines[(i - groups * count) * pitch + groups];
}

template <class T>
void add(void* sums_, const void* in_, int64_t n) {
    T* __restrict const sums = static_cast<T*>(sums_);
    const T* __restrict const in = static_cast<const T*>(in_);
    for (int64_t i = 0; i < n; ++i) sums[i] += in[i];
}

}  // namespace
