// Elements of images to and from the lines of tiles. Compiled once per instruction set.
#pragma once

#include "fft_passes.hpp"

namespace {

// Channels of interleaved pixels are as many elements apart as the compiler knows how to take apart.
template <class T, class In, int64_t Apart>
inline void widen_apart(const In* __restrict in, T* __restrict out, int64_t n) {
    for (int64_t x = 0; x < n; ++x) out[x] = static_cast<T>(in[x * Apart]);
}

template <class T, class In>
void widen(const char* in, int64_t step, T* out, int64_t n) {
    constexpr int64_t size = sizeof(In);
    const In* from = reinterpret_cast<const In*>(in);
    switch (step) {
        case size: return widen_apart<T, In, 1>(from, out, n);
        case 2 * size: return widen_apart<T, In, 2>(from, out, n);
        case 3 * size: return widen_apart<T, In, 3>(from, out, n);
        case 4 * size: return widen_apart<T, In, 4>(from, out, n);
        default:
            for (int64_t x = 0; x < n; ++x) {
                In v;
                std::memcpy(&v, in + x * step, sizeof v);
                out[x] = static_cast<T>(v);
            }
    }
}

// `in` has room for whole lines.
template <class T>
bool split(const T* in, int64_t n, int64_t room, T middle, T limit, T* out) {
    constexpr int64_t lanes = VectorOf<T>::lanes;
    decltype(Vec<T>{} < Vec<T>{}) fine = Vec<T>{} == Vec<T>{};
    int64_t x = 0;
    T* to = out;
    for (; x + kLine<T> <= n; x += kLine<T>, to += kPair<T>)
        for (int64_t i = 0; i < kLine<T>; i += lanes) {
            const Vec<T> v = load<Vec<T>>(in + x + i) - splat(middle);
            fine &= (v <= splat(limit)) & (v >= splat(-limit));
            store(to + i, v);
        }
    bool all = true;
    for (int64_t i = 0; i < lanes; ++i) all = all && fine[i] != 0;
    for (; x < room; x += kLine<T>, to += kPair<T>)
        for (int64_t i = 0; i < kLine<T>; ++i) {
            const T v = x + i < n ? in[x + i] - middle : T(0);
            all = all && v <= limit && v >= -limit;
            to[i] = v;
        }
    return !all;
}

// To the nearest whole number, by what a large one leaves of it: right within a quarter of that. (The bound of the
// transforms' error, which is below a half, is 40 round-offs of the response or more, so none is as large.)
template <class T>
inline T to_whole(T v) {
    constexpr T large = sizeof(T) == 4 ? T(12582912.0) : T(6755399441055744.0);  // 1.5 times 2^23, 2^52
    return v + large - large;
}

template <class A, class B>
using Wider = typename Pick<(sizeof(A) > sizeof(B)), A, B>::type;

template <class T, class Out, bool Whole, int64_t Apart>
inline void join_apart(const T* __restrict in, int64_t n, Wider<T, Out> offset, Out* __restrict out, int64_t step) {
    typedef Wider<T, Out> Wide;
    const int64_t apart = Apart > 0 ? Apart : step;
    for (int64_t x = 0; x < n; x += kLine<T>, in += kPair<T>) {
        const int64_t count = n - x < kLine<T> ? n - x : kLine<T>;
        Out* const to = out + x * apart;
        const auto one = [&](int64_t i) {
            to[i * apart] = static_cast<Out>(static_cast<Wide>(Whole ? to_whole(in[i]) : in[i]) + offset);
        };
        if (count == kLine<T>)
            for (int64_t i = 0; i < kLine<T>; ++i) one(i);
        else
            for (int64_t i = 0; i < count; ++i) one(i);
    }
}

template <class T, class Out, bool Whole>
inline void join_of(const T* in, int64_t n, Wider<T, Out> offset, Out* out, int64_t step) {
    switch (step) {
        case 1: return join_apart<T, Out, Whole, 1>(in, n, offset, out, step);
        case 2: return join_apart<T, Out, Whole, 2>(in, n, offset, out, step);
        case 3: return join_apart<T, Out, Whole, 3>(in, n, offset, out, step);
        case 4: return join_apart<T, Out, Whole, 4>(in, n, offset, out, step);
        default: return join_apart<T, Out, Whole, 0>(in, n, offset, out, step);
    }
}
template <class T, class Out>
void join(const T* in, int64_t n, bool whole, double offset, Out* out, int64_t step) {
    if (whole) return join_of<T, Out, true>(in, n, static_cast<Wider<T, Out>>(offset), out, step);
    join_of<T, Out, false>(in, n, static_cast<Wider<T, Out>>(offset), out, step);
}

}  // namespace
