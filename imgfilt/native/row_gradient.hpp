// Gradient magnitudes whose two responses are summed in registers and never written out.
#pragma once

#include "row_convert.hpp"
#include "row_taps16.hpp"

namespace {

// saturate(round(scale * sqrt(a^2 + b^2))) of two 16-bit sums that are never written out.
inline uint8_t magnitude_one(int16_t a, int16_t b, float scale) {
    const float v = __builtin_rintf(__builtin_sqrtf(static_cast<float>(int32_t{a} * a + int32_t{b} * b)) * scale);
    return static_cast<uint8_t>(v < 255.0f ? v : 255.0f);
}

// K taps with weights of their own; any number where K is 0.
template <int K>
struct Free {
    const Few<const uint16_t*, K> p;
    const Few<uint16_t, K> w;
    const int k;

    Free(const uint16_t* const* pointers, const int16_t* weights, int taps)
        : p(pointers), w(reinterpret_cast<const uint16_t*>(weights)), k(taps) {}
    Vec<uint16_t> vector(int64_t x) const { return sum_u16<K>(p.data, w.data, k, 0, x); }
    uint16_t one(int64_t x) const {
        uint16_t sum = 0;
        for (int t = 0; t < k; ++t) sum = add_product(sum, p.data[t][x], w.data[t]);
        return sum;
    }
};

template <bool Unit, class A, class B>
void gradient_scaled(const A& first, const B& second, float scale, uint8_t* out, int64_t n,
                     [[maybe_unused]] imgfilt::NextRows* next) {
#if defined(IMGFILT_PAIRS)
    constexpr int step = 2 * kPairLanes;
    auto half = [&](int64_t x) {
        const Pairs a = (Pairs)first.vector(x), b = (Pairs)second.vector(x);
        const Pairs low = interleave_low(a, b), high = interleave_high(a, b);
        Pairs first_half = multiply_add(low, low), second_half = multiply_add(high, high);
        if constexpr (Unit) {
            roots_u8(first_half, second_half);
            return pack_i16(first_half, second_half);
        }
        return pack_i16(root(first_half, scale), root(second_half, scale));
    };
    if (n >= step) {
        imgfilt::NextRows ahead = *next;
        int64_t x = 0;
        for (; x + step <= n; x += step) {
            if (x % 64 == 0) fetch_lines<3>(ahead);
            store_u8(out + x, half(x), half(x + kPairLanes));
        }
        *next = ahead;
        if (x < n) store_u8(out + n - step, half(n - step), half(n - kPairLanes));
        return;
    }
#endif
    for (int64_t x = 0; x < n; ++x)
        out[x] = magnitude_one(static_cast<int16_t>(first.one(x)), static_cast<int16_t>(second.one(x)), scale);
}

template <class A, class B>
void gradient_row(const A& first, const B& second, float scale, uint8_t* out, int64_t n, imgfilt::NextRows* next) {
    if (scale == 1.0f) return gradient_scaled<true>(first, second, scale, out, n, next);
    gradient_scaled<false>(first, second, scale, out, n, next);
}

void gradient_u8(const int16_t* const* signed_p, const int16_t* w, int ka, int kb, float scale, uint8_t* out, int64_t n,
                 imgfilt::NextRows* next) {
    const auto p = reinterpret_cast<const uint16_t* const*>(signed_p);
    typedef Fixed<uint16_t, -1, 1> Difference;
    // The sign of a response does not matter once it is squared.
    if (Difference::fits(w, ka) && Fixed<uint16_t, -1, -2, -1>::fits(w + ka, kb))
        return gradient_row(Difference(p), Fixed<uint16_t, 1, 2, 1>(p + ka), scale, out, n, next);
    if (Difference::fits(w, ka) && Fixed<uint16_t, -1, -1, -1>::fits(w + ka, kb))
        return gradient_row(Difference(p), Fixed<uint16_t, 1, 1, 1>(p + ka), scale, out, n, next);
    if (ka == 2 && kb == 3) return gradient_row(Free<2>(p, w, ka), Free<3>(p + ka, w + ka, kb), scale, out, n, next);
    if (ka == 2 && kb == 2) return gradient_row(Free<2>(p, w, ka), Free<2>(p + ka, w + ka, kb), scale, out, n, next);
    if (ka == 6 && kb == 6) return gradient_row(Free<6>(p, w, ka), Free<6>(p + ka, w + ka, kb), scale, out, n, next);
    gradient_row(Free<0>(p, w, ka), Free<0>(p + ka, w + ka, kb), scale, out, n, next);
}

// K taps of reals; any number where K is 0.
template <int K>
struct Real {
    const Few<const float*, K> p;
    const Few<float, K> w;
    const int k;

    Real(const float* const* pointers, const float* weights, int taps) : p(pointers), w(weights), k(taps) {}
    template <class V>
    V at(int64_t x) const {
        V sum = {};
        const int taps = K > 0 ? K : k;
#pragma GCC unroll 8
        for (int t = 0; t < taps; ++t) {
            if constexpr (Same<V, float>::value)
                sum = add_product(sum, p.data[t][x], w.data[t]);
            else
                sum = add_product(sum, load_as<float, float>(p.data[t] + x), w.data[t]);
        }
        return sum;
    }
};

// The same of reals, to reals or 16 bits.
template <class A, class B, class Out>
void gradient_reals(const A& first, const B& second, float scale, Out* out, int64_t n) {
    constexpr bool pixels = kIsInteger<Out>;
    int64_t x = 0;
#if defined(IMGFILT_PAIRS)
    constexpr int lanes = VectorOf<float>::lanes, step = pixels ? 2 * lanes : lanes;
    auto vector = [&](int64_t at) {
        const Vec<float> a = first.template at<Vec<float>>(at), b = second.template at<Vec<float>>(at);
        return (Vec<float>)roots((Reals)fused(a, a, b * b)) * scale;
    };
    auto some = [&](int64_t at) {
        if constexpr (pixels) {
            auto nearest = [&](int64_t i) { return nearest_i32(clamp_reals((Reals)vector(i), 0.0f, 65535.0f)); };
            store_u16(out + at, nearest(at), nearest(at + lanes));
        } else {
            store(out + at, vector(at));
        }
    };
    if (n >= step) {
        for (; x + step <= n; x += step) some(x);
        if (x < n) some(n - step);
        return;
    }
#endif
    for (; x < n; ++x) {
        const float a = first.template at<float>(x), b = second.template at<float>(x);
        const float v = __builtin_sqrtf(fused(a, a, b * b)) * scale;
        if constexpr (pixels)
            out[x] = clamp_cast<Out>(nearest(v));
        else
            out[x] = v;
    }
}

template <class Out>
void gradient_f32(const float* const* p, const float* w, int ka, int kb, float scale, Out* out, int64_t n) {
    if (ka == 2 && kb == 3) return gradient_reals(Real<2>(p, w, ka), Real<3>(p + ka, w + ka, kb), scale, out, n);
    if (ka == 6 && kb == 6) return gradient_reals(Real<6>(p, w, ka), Real<6>(p + ka, w + ka, kb), scale, out, n);
    // One response of a column's sums, the other of the image.
    if (ka == 2 && kb == 6) return gradient_reals(Real<2>(p, w, ka), Real<6>(p + ka, w + ka, kb), scale, out, n);
    if (ka == 6 && kb == 3) return gradient_reals(Real<6>(p, w, ka), Real<3>(p + ka, w + ka, kb), scale, out, n);
    gradient_reals(Real<0>(p, w, ka), Real<0>(p + ka, w + ka, kb), scale, out, n);
}

}  // namespace
