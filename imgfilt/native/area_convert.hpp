// Elements of any stride to and from contiguous sort keys and floats. Compiled once per instruction set.
#pragma once

#include "area_kernels.hpp"
#include "simd.hpp"

namespace {

using imgfilt::DType;

// Calls body(x, element address) with a constant stride where there is one, for the vectoriser's sake.
template <class T, class F>
inline void each(int64_t stride, int64_t n, F body) {
    if (stride == static_cast<int64_t>(sizeof(T)))
        for (int64_t x = 0; x < n; ++x) body(x, x * static_cast<int64_t>(sizeof(T)));
    else
        for (int64_t x = 0; x < n; ++x) body(x, x * stride);
}

template <class T>
inline T read(const char* p) {
    T v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
}
template <class T>
inline void write(char* p, T v) {
    __builtin_memcpy(p, &v, sizeof v);
}

inline uint8_t to_key(uint8_t v) { return v; }
inline uint16_t to_key(uint16_t v) { return v; }
inline uint16_t to_key(int16_t v) { return static_cast<uint16_t>(v ^ 0x8000); }
inline int32_t to_key(float v) {
    int32_t bits;
    __builtin_memcpy(&bits, &v, sizeof bits);
    const int32_t key = bits ^ ((bits >> 31) & 0x7fffffff);
    return (bits & 0x7fffffff) > 0x7f800000 ? 0x7fc00000 : key;
}
inline int64_t to_key(double v) {
    int64_t bits;
    __builtin_memcpy(&bits, &v, sizeof bits);
    constexpr int64_t magnitude = 0x7fffffffffffffff;
    const int64_t key = bits ^ ((bits >> 63) & magnitude);
    return (bits & magnitude) > 0x7ff0000000000000 ? 0x7ff8000000000000 : key;
}

inline void from_key(uint8_t k, uint8_t& v) { v = k; }
inline void from_key(uint16_t k, uint16_t& v) { v = k; }
inline void from_key(uint16_t k, int16_t& v) { v = static_cast<int16_t>(k ^ 0x8000); }
inline void from_key(int32_t k, float& v) {
    const int32_t bits = k ^ ((k >> 31) & 0x7fffffff);
    __builtin_memcpy(&v, &bits, sizeof v);
}
inline void from_key(int64_t k, double& v) {
    const int64_t bits = k ^ ((k >> 63) & 0x7fffffffffffffff);
    __builtin_memcpy(&v, &bits, sizeof v);
}

template <class T>
using Key = decltype(to_key(T()));

template <class T>
void load_key(const char* in, int64_t stride, void* keys, int64_t n) {
    Key<T>* out = static_cast<Key<T>*>(keys);
    each<T>(stride, n, [&](int64_t x, int64_t at) { out[x] = to_key(read<T>(in + at)); });
}

template <class T>
void store_key(const void* keys, char* out, int64_t stride, int64_t n) {
    const Key<T>* in = static_cast<const Key<T>*>(keys);
    each<T>(stride, n, [&](int64_t x, int64_t at) {
        T v;
        from_key(in[x], v);
        write(out + at, v);
    });
}

template <class T, class F>
void load_float(const char* in, int64_t stride, void* out_, int64_t n) {
    F* out = static_cast<F*>(out_);
    each<T>(stride, n, [&](int64_t x, int64_t at) { out[x] = static_cast<F>(read<T>(in + at)); });
}

// Half to even by the float's own rounding; exact for |v| < 2^22, and saturation makes larger ones moot.
template <class F>
inline F half_even(F v) {
    constexpr F magic = sizeof(F) == 4 ? F(12582912.0) : F(6755399441055744.0);
    return (v + magic) - magic;
}

template <class T>
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

template <class T, class F>
inline T from_float(F v) {
    if constexpr (T(0.5) != T(0)) {
        return static_cast<T>(v);
    } else {
        v = v > F(Limits<T>::low) ? v : F(Limits<T>::low);  // NaN becomes the lowest value
        v = v < F(Limits<T>::high) ? v : F(Limits<T>::high);
        return static_cast<T>(static_cast<int32_t>(half_even(v)));
    }
}

template <class T, class F>
void store_float(const void* in_, char* out, int64_t stride, int64_t n) {
    const F* in = static_cast<const F*>(in_);
    each<T>(stride, n, [&](int64_t x, int64_t at) { write(out + at, from_float<T>(in[x])); });
}

#define IMGFILT_EACH(f, ...)  \
    {f<uint8_t __VA_ARGS__>,  \
     f<uint16_t __VA_ARGS__>, \
     f<int16_t __VA_ARGS__>,  \
     nullptr,                 \
     f<float __VA_ARGS__>,    \
     f<double __VA_ARGS__>,   \
     nullptr}

}  // namespace
