// Sums over whole rows of memory: what is left where nothing is kept in registers.
#pragma once

#include "simd.hpp"

namespace {

// out[i] += the sum over u < count of weights[u * weight_step] * in[u * in_step + i], for i < n.
template <class T>
void add_shifted(const void* input, int64_t in_step, const void* weights_, int64_t weight_step, int64_t count,
                 void* output, int64_t n) {
    const T *in = static_cast<const T*>(input), *weights = static_cast<const T*>(weights_);
    T* out = static_cast<T*>(output);
    constexpr int64_t lanes = VectorOf<T>::lanes;
    int64_t i = 0;
    for (; i + 4 * lanes <= n; i += 4 * lanes) {
        Vec<T> sum[4];
        for (int b = 0; b < 4; ++b) sum[b] = load<Vec<T>>(out + i + b * lanes);
        for (int64_t u = 0; u < count; ++u) {
            const Vec<T> weight = weights[u * weight_step] - Vec<T>{};
            for (int b = 0; b < 4; ++b) sum[b] = fused(load<Vec<T>>(in + u * in_step + i + b * lanes), weight, sum[b]);
        }
        for (int b = 0; b < 4; ++b) store(out + i + b * lanes, sum[b]);
    }
    for (; i < n; ++i)
        for (int64_t u = 0; u < count; ++u) out[i] = fused(in[u * in_step + i], weights[u * weight_step], out[i]);
}

// out (rows, columns) = left (rows, inner) x right (inner, columns) in three plain loops; distances between rows.
template <class T>
void plain_product(const void* left_, int64_t left_row, const void* right_, int64_t right_row, void* out_,
                   int64_t out_row, int64_t rows, int64_t inner, int64_t columns) {
    const T *left = static_cast<const T*>(left_), *right = static_cast<const T*>(right_);
    for (int64_t i = 0; i < rows; ++i) {
        T* __restrict out = static_cast<T*>(out_) + i * out_row;
        for (int64_t j = 0; j < columns; ++j) out[j] = T(0);
        for (int64_t k = 0; k < inner; ++k) {
            const T weight = left[i * left_row + k];
            const T* from = right + k * right_row;
            for (int64_t j = 0; j < columns; ++j) out[j] += weight * from[j];
        }
    }
}

}  // namespace
