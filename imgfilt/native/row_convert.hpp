// One row from one element type to another, with a scale and a bias, rounding and saturation.
#pragma once

#include "row_kernels.hpp"
#include "simd.hpp"

namespace {

using imgfilt::Affine;
using imgfilt::Rounding;

inline float nearest(float v) { return __builtin_rintf(v); }
inline double nearest(double v) { return __builtin_rint(v); }
inline float down(float v) { return __builtin_floorf(v); }
inline double down(double v) { return __builtin_floor(v); }

template <class To>
struct Limits;
template <>
struct Limits<uint8_t> {
    static constexpr int low = 0, high = 255;
};
template <>
struct Limits<uint16_t> {
    static constexpr int low = 0, high = 65535;
};
template <>
struct Limits<int16_t> {
    static constexpr int low = -32768, high = 32767;
};

template <class To>
constexpr bool kIsInteger = !(To(0.5) != To(0));

// NaN becomes the lowest value: the comparison is false.
template <class To, class Real>
inline To clamp_cast(Real v) {
    const Real low = Limits<To>::low, high = Limits<To>::high;
    v = v > low ? v : low;
    v = v < high ? v : high;
    return static_cast<To>(static_cast<int32_t>(v));
}

template <class From, class To, class Real, int Mode>
void convert_loop(const From* __restrict in, Real scale, Real bias, To* __restrict out, int64_t n) {
    for (int64_t x = 0; x < n; ++x) {
        const Real v = static_cast<Real>(in[x]) * scale + bias;
        if constexpr (!kIsInteger<To>)
            out[x] = static_cast<To>(v);
        else if constexpr (Mode == 0)
            out[x] = clamp_cast<To>(nearest(v));
        else
            out[x] = clamp_cast<To>(down(v + Real(0.5)));
    }
}

// Integers to integers and to reals, as they are.
template <class From, class To>
void cast_loop(const From* __restrict in, To* __restrict out, int64_t n) {
    for (int64_t x = 0; x < n; ++x) {
        if constexpr (kIsInteger<To>) {
            const int32_t v = in[x];
            out[x] = static_cast<To>(v < Limits<To>::low    ? Limits<To>::low
                                     : v > Limits<To>::high ? Limits<To>::high
                                                            : v);
        } else {
            out[x] = static_cast<To>(in[x]);
        }
    }
}

template <class From, class To, class Real>
void convert_scaled(const From* from, const Affine& a, To* to, int64_t n) {
    const Real scale = static_cast<Real>(a.scale), bias = static_cast<Real>(a.bias);
    if (a.rounding == Rounding::half_even)
        convert_loop<From, To, Real, 0>(from, scale, bias, to, n);
    else
        convert_loop<From, To, Real, 1>(from, scale, bias, to, n);
}

template <class From, class To>
void convert(const void* in, const Affine& a, void* out, int64_t n) {
    const From* from = static_cast<const From*>(in);
    To* to = static_cast<To*>(out);
    const bool plain = a.scale == 1.0 && a.bias == 0.0;
    if constexpr (Same<From, To>::value) {
        if (plain) {
            std::memcpy(to, from, static_cast<size_t>(n) * sizeof(To));
            return;
        }
    } else if constexpr (kIsInteger<From> || !kIsInteger<To>) {
        if (plain) return cast_loop(from, to, n);
    }
    if constexpr (sizeof(From) == 8 || sizeof(To) == 8)
        return convert_scaled<From, To, double>(from, a, to, n);
    else if constexpr (kIsInteger<From> && sizeof(From) == 4)
        if (a.wide) return convert_scaled<From, To, double>(from, a, to, n);
    if constexpr (sizeof(From) < 8 && sizeof(To) < 8) convert_scaled<From, To, float>(from, a, to, n);
}

template <class From>
void widen(const void* in, const Affine&, void* out, int64_t n) {
    const From* __restrict from = static_cast<const From*>(in);
    int32_t* __restrict to = static_cast<int32_t*>(out);
    for (int64_t x = 0; x < n; ++x) to[x] = from[x];
}

#if defined(IMGFILT_PAIRS)
// i16 to u8 with saturation is one instruction for two registers.
void saturate_row_u8(const int16_t* in, uint8_t* out, int64_t n) {
    constexpr int step = 2 * kPairLanes;
    if (n < step) return cast_loop(in, out, n);
    int64_t x = 0;
    for (; x + step <= n; x += step) store_u8(out + x, load_pairs(in + x), load_pairs(in + x + kPairLanes));
    if (x < n) {
        x = n - step;
        store_u8(out + x, load_pairs(in + x), load_pairs(in + x + kPairLanes));
    }
}
#endif

#if defined(IMGFILT_PAIRS)
// To 8 bits, by way of 24-bit reals. NaN becomes 0: the maximum takes its second operand.
template <Rounding Mode, class From>
void scaled_row_u8(const From* in, float scale, float bias, uint8_t* out, int64_t n) {
    constexpr int lanes = kVectorBytes / 4, step = 4 * lanes;
    auto one = [&](int64_t x) {
        if constexpr (Mode == Rounding::half_even)
            return nearest_i32(clamp_reals(affine(load_reals(in + x), scale, bias), 0.0f, 255.0f));
        return truncate_i32(clamp_reals(affine(affine(load_reals(in + x), scale, bias), 1.0f, 0.5f), 0.0f, 255.0f));
    };
    auto four = [&](int64_t x) { store_u8(out + x, one(x), one(x + lanes), one(x + 2 * lanes), one(x + 3 * lanes)); };
    if (n < step) {
        convert_loop<From, uint8_t, float, static_cast<int>(Mode)>(in, scale, bias, out, n);
        return;
    }
    int64_t x = 0;
    for (; x + step <= n; x += step) four(x);
    if (x < n) four(n - step);
}
#endif

#if defined(IMGFILT_PAIRS)
// The same to 16 bits.
template <Rounding Mode>
void scaled_row_u16(const float* in, float scale, float bias, uint16_t* out, int64_t n) {
    constexpr int lanes = kVectorBytes / 4, step = 2 * lanes;
    auto one = [&](int64_t x) {
        const Reals v = affine(load_reals(in + x), scale, bias);
        if constexpr (Mode == Rounding::half_even) return nearest_i32(clamp_reals(v, 0.0f, 65535.0f));
        return truncate_i32(clamp_reals(affine(v, 1.0f, 0.5f), 0.0f, 65535.0f));
    };
    auto two = [&](int64_t x) { store_u16(out + x, one(x), one(x + lanes)); };
    if (n < step) {
        convert_loop<float, uint16_t, float, static_cast<int>(Mode)>(in, scale, bias, out, n);
        return;
    }
    int64_t x = 0;
    for (; x + step <= n; x += step) two(x);
    if (x < n) two(n - step);
}
#endif

void convert_f32_u16(const void* in, const Affine& a, void* out, int64_t n) {
#if defined(IMGFILT_PAIRS)
    const float* from = static_cast<const float*>(in);
    uint16_t* to = static_cast<uint16_t*>(out);
    const float scale = static_cast<float>(a.scale), bias = static_cast<float>(a.bias);
    if (a.rounding == Rounding::half_even) return scaled_row_u16<Rounding::half_even>(from, scale, bias, to, n);
    return scaled_row_u16<Rounding::half_up>(from, scale, bias, to, n);
#else
    convert<float, uint16_t>(in, a, out, n);
#endif
}

template <class From>
void convert_u8(const void* in, const Affine& a, void* out, int64_t n) {
#if defined(IMGFILT_PAIRS)
    const bool plain = a.scale == 1.0 && a.bias == 0.0;
    const From* from = static_cast<const From*>(in);
    uint8_t* to = static_cast<uint8_t*>(out);
    if constexpr (Same<From, int16_t>::value)
        if (plain) return saturate_row_u8(from, to, n);
    if (!a.wide && !(plain && kIsInteger<From>)) {
        const float scale = static_cast<float>(a.scale), bias = static_cast<float>(a.bias);
        if (a.rounding == Rounding::half_even) return scaled_row_u8<Rounding::half_even>(from, scale, bias, to, n);
        return scaled_row_u8<Rounding::half_up>(from, scale, bias, to, n);
    }
#endif
    convert<From, uint8_t>(in, a, out, n);
}

void divide_u16_u8(const uint16_t* __restrict in, uint16_t add, uint16_t multiplier, int shift, uint8_t* __restrict out,
                   int64_t n) {
    for (int64_t x = 0; x < n; ++x) {
        const uint16_t v = static_cast<uint16_t>(in[x] + add);
        out[x] = static_cast<uint8_t>((static_cast<uint32_t>(v) * multiplier >> 16) >> shift);
    }
}

}  // namespace
