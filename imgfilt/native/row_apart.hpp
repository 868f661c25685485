// Weighted sums of every second pixel of a row: pixels are taken apart in registers.
#pragma once

#include "row_phases.hpp"
#include "row_taps.hpp"
#include "simd.hpp"

namespace {

#if defined(IMGFILT_SHUFFLE) && defined(__AVX2__)
#define IMGFILT_APART 1

// Pixel q of `out` is the sum over t of w[t] * pixel q * size of p[t]. Up to one register beyond the last pixel is
// read, nothing beyond is written.
template <int K>
void apart_row(const float* const* pointers, const float* weights, int k, int size, int channels, float* out,
               int64_t n) {
    typedef typename ShuffleOf<uint32_t>::type V;
    constexpr int lanes = ShuffleOf<uint32_t>::lanes;
    const Few<const float*, K> few_pointers(pointers);
    const Few<float, K> few_weights(weights);
    const float* const* p = few_pointers.data;
    const float* w = few_weights.data;
    const int count = K > 0 ? K : k;
    const int64_t stride = int64_t{size} * channels;
    // Pixels whose sources lie in two registers, and whose targets fill no more than one.
    const int64_t reach = (2 * lanes - channels) / stride + 1, room = lanes / channels;
    const int64_t step = reach < room ? reach : room;
    const int64_t beyond = 2 * lanes - ((step - 1) * stride + channels);
    if (n >= step && beyond <= lanes) {
        uint32_t places[lanes] = {};
        for (int64_t q = 0, l = 0; q < step; ++q)
            for (int c = 0; c < channels; ++c) places[l++] = static_cast<uint32_t>(q * stride + c);
        const V index = load<V>(places);
        auto at = [&](int64_t q) {
            Vec<float> sum = {};
#pragma GCC unroll 16
            for (int t = 0; t < count; ++t) {
                const float* in = p[t] + q * stride;
                sum = add_product(sum, (Vec<float>)__builtin_shuffle(load<V>(in), load<V>(in + lanes), index), w[t]);
            }
            return sum;
        };
        auto some = [&](int64_t q) {
            const Vec<float> v = at(q);
            std::memcpy(out + q * channels, &v, static_cast<size_t>(step * channels) * sizeof(float));
        };
        int64_t q = 0;
        for (; q * channels + lanes <= n * channels && q + step <= n; q += step) store(out + q * channels, at(q));
        for (; q + step < n; q += step) some(q);
        if (q < n) some(n - step);
        return;
    }
    for (int64_t q = 0; q < n; ++q)
        for (int c = 0; c < channels; ++c) {
            float sum = 0;
            for (int t = 0; t < count; ++t) sum = add_product(sum, p[t][q * stride + c], w[t]);
            out[q * channels + c] = sum;
        }
}

void taps_apart_f32(const float* const* p, const float* w, int k, int size, int channels, float* out, int64_t n) {
    switch (k) {
        case 3: return apart_row<3>(p, w, k, size, channels, out, n);
        case 5: return apart_row<5>(p, w, k, size, channels, out, n);
        default: return apart_row<0>(p, w, k, size, channels, out, n);
    }
}
#endif

}  // namespace
