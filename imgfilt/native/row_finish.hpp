// Two lines to pixels in one pass: sharpening and weighted sums of two, which are never written out as reals.
#pragma once

#include "row_convert.hpp"
#include "simd.hpp"

namespace {

using imgfilt::Mixture;
using imgfilt::Sharpening;

inline float magnitude_of(float v, int32_t mask) {
    int32_t bits;
    std::memcpy(&bits, &v, sizeof v);
    bits &= mask;
    std::memcpy(&v, &bits, sizeof v);
    return v;
}
inline Vec<float> magnitude_of(Vec<float> v, int32_t mask) { return (Vec<float>)((Vec<int32_t>)v & mask); }
constexpr int32_t kWithoutSign = 0x7FFFFFFF;

template <class V>
inline V add_weighted(V sum, V v, float weight) {
    if constexpr (Same<V, float>::value) return fused(weight, v, sum);
    if constexpr (!Same<V, float>::value) return fused(splat(weight), v, sum);
}

template <bool Threshold>
struct Sharpen {
    Sharpening how;
    // What a result may come to whose image is of at most so many, and whose second line of 32 bits.
    float most(float image) const {
        return image +
               magnitude_of(how.amount, kWithoutSign) *
                   (image + magnitude_of(how.scale, kWithoutSign) * 0x1p31f + magnitude_of(how.bias, kWithoutSign));
    }
    template <class V>
    V operator()(V image, V second) const {
        const V detail = image - (second * how.scale + how.bias);
        if constexpr (!Threshold) return add_weighted(image, detail, how.amount);
        // A NaN fails the comparison and must come through.
        return magnitude_of(detail, kWithoutSign) < how.threshold ? image : add_weighted(image, detail, how.amount);
    }
};

struct Mix {
    Mixture how;
    float most(float) const {
        return (magnitude_of(how.weights[0], kWithoutSign) + magnitude_of(how.weights[1], kWithoutSign)) * 0x1p31f +
               magnitude_of(how.bias, kWithoutSign);
    }
    template <class V>
    V operator()(V a, V b) const {
        return magnitude_of(add_weighted(a * how.weights[0], b, how.weights[1]), how.absolute ? kWithoutSign : -1) +
               how.bias;
    }
};

// `Bounded` values fit 32 bits, which are saturated as they are packed.
template <bool Bounded, class A, class B, class Out, class F>
void finish_row(const A* a, const B* b, const F& value, Out* out, int64_t n) {
    int64_t x = 0;
#if defined(IMGFILT_PAIRS)
    constexpr int lanes = kVectorBytes / 4, step = lanes * (sizeof(Out) == 1 ? 4 : 2);
    auto one = [&](int64_t at) {
        const Vec<float> v = value((Vec<float>)load_reals(a + at), (Vec<float>)load_reals(b + at));
        if constexpr (Bounded) return nearest_i32((Reals)v);
        return nearest_i32(clamp_reals((Reals)v, Limits<Out>::low, Limits<Out>::high));
    };
    auto some = [&](int64_t at) {
        if constexpr (sizeof(Out) == 1)
            store_u8(out + at, one(at), one(at + lanes), one(at + 2 * lanes), one(at + 3 * lanes));
        else
            store_u16(out + at, one(at), one(at + lanes));
    };
    if (n >= step) {
        for (; x + step <= n; x += step) some(x);
        if (x < n) some(n - step);
        return;
    }
#endif
    for (; x < n; ++x) out[x] = clamp_cast<Out>(nearest(value(static_cast<float>(a[x]), static_cast<float>(b[x]))));
}

template <class A, class B, class Out, class F>
void finish(const A* a, const B* b, const F& value, Out* out, int64_t n) {
    if constexpr (kIsInteger<A> && kIsInteger<B>)
        if (value.most(sizeof(A) < 4 ? 0x1p16f : 0x1p31f) < 0x1p30f) return finish_row<true>(a, b, value, out, n);
    finish_row<false>(a, b, value, out, n);
}

template <class A, class B, class Out>
void sharpen_pixels(const void* image, const void* second, const Sharpening& how, void* to, int64_t n) {
    const A* const a = static_cast<const A*>(image);
    const B* const b = static_cast<const B*>(second);
    Out* const out = static_cast<Out*>(to);
    if (how.threshold <= 0.0f) return finish(a, b, Sharpen<false>{how}, out, n);
    finish(a, b, Sharpen<true>{how}, out, n);
}
template <class A, class B, class Out>
void mix_pixels(const void* a, const void* b, const Mixture& how, void* out, int64_t n) {
    finish(static_cast<const A*>(a), static_cast<const B*>(b), Mix{how}, static_cast<Out*>(out), n);
}

}  // namespace
