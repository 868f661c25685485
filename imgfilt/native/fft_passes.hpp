// Fourier transforms of strips of columns, in place: decimation in frequency forward, which leaves the elements in
// the order of their reversed digits, decimation in time back from there (Gentleman and Sande, Fast Fourier transforms
// for fun and profit, 1966; Van Loan, Computational frameworks for the fast Fourier transform, 1992). All lanes and
// columns are made by the same operations in the same order.
#pragma once

#include "bank_transpose.hpp"
#include "fft_kernels.hpp"
#include "simd.hpp"

namespace {

using imgfilt::FourierPasses;

template <class T>
constexpr int64_t kLine = 64 / static_cast<int64_t>(sizeof(T));
// From one row of a strip of its own to the next.
template <class T>
constexpr int64_t kPair = 2 * kLine<T>;

template <class V>
struct Complex {
    V re, im;
};
template <class V>
inline Complex<V> operator+(Complex<V> a, Complex<V> b) {
    return {a.re + b.re, a.im + b.im};
}
template <class V>
inline Complex<V> operator-(Complex<V> a, Complex<V> b) {
    return {a.re - b.re, a.im - b.im};
}
// a * -i
template <class V>
inline Complex<V> quarter(Complex<V> a) {
    return {a.im, -a.re};
}
template <class V>
inline Complex<V> product(Complex<V> a, V re, V im) {
    return {fused(a.re, re, -(a.im * im)), fused(a.re, im, a.im * re)};
}

template <class V>
inline void butterfly(Complex<V> (&x)[3]) {
    constexpr double kSine = 0.86602540378443864676;  // of 60 degrees
    const Complex<V> sum = x[1] + x[2], difference = x[1] - x[2];
    const auto sine = static_cast<decltype(V{}[0] + 0)>(kSine), half = static_cast<decltype(V{}[0] + 0)>(0.5);
    const Complex<V> middle = {x[0].re - half * sum.re, x[0].im - half * sum.im};
    const Complex<V> side = quarter(Complex<V>{sine * difference.re, sine * difference.im});
    x[0] = x[0] + sum;
    x[1] = middle + side;
    x[2] = middle - side;
}
template <class V>
inline void butterfly(Complex<V> (&x)[4]) {
    const Complex<V> a = x[0] + x[2], b = x[0] - x[2], c = x[1] + x[3], d = quarter(x[1] - x[3]);
    x[0] = a + c;
    x[1] = b + d;
    x[2] = a - c;
    x[3] = b - d;
}
template <class V>
inline void butterfly(Complex<V> (&x)[8]) {
    constexpr double kHalfRoot = 0.70710678118654752440;  // of a half
    const auto root = static_cast<decltype(V{}[0] + 0)>(kHalfRoot);
    Complex<V> even[4] = {x[0], x[2], x[4], x[6]}, odd[4] = {x[1], x[3], x[5], x[7]};
    butterfly(even);
    butterfly(odd);
    odd[1] = {root * (odd[1].re + odd[1].im), root * (odd[1].im - odd[1].re)};
    odd[2] = quarter(odd[2]);
    odd[3] = {root * (odd[3].im - odd[3].re), -(root * (odd[3].re + odd[3].im))};
    for (int i = 0; i < 4; ++i) {
        x[i] = even[i] + odd[i];
        x[i + 4] = even[i] - odd[i];
    }
}

template <class T, int R>
inline void load_all(const T* re, const T* im, int64_t step, Complex<Vec<T>> (&x)[R]) {
#pragma GCC unroll 8
    for (int k = 0; k < R; ++k) x[k] = {load<Vec<T>>(re + k * step), load<Vec<T>>(im + k * step)};
}
template <class T, int R>
inline void store_all(T* re, T* im, int64_t step, const Complex<Vec<T>> (&x)[R]) {
#pragma GCC unroll 8
    for (int k = 0; k < R; ++k) {
        store(re + k * step, x[k].re);
        store(im + k * step, x[k].im);
    }
}
template <class T, int R>
inline void turn_all(Complex<Vec<T>> (&x)[R], const T* turns) {
#pragma GCC unroll 8
    for (int k = 1; k < R; ++k) x[k] = product(x[k], splat(turns[2 * k - 2]), splat(turns[2 * k - 1]));
}

enum class Turn { before, after, none };

// A pass over all blocks of one strip. A transform back is the one forward with real and imaginary parts exchanged.
template <class T, int R, Turn Where>
void pass(T* re, T* im, int64_t row, int64_t n, int64_t length, const T* turns) {
    const int64_t part = length / R;
    for (int64_t j = 0; j < part; ++j, turns += 2 * (R - 1))
        for (int64_t first = j; first < n; first += length)
            for (int64_t v = first * row; v < first * row + kLine<T>; v += VectorOf<T>::lanes) {
                Complex<Vec<T>> x[R];
                load_all(re + v, im + v, part * row, x);
                if constexpr (Where == Turn::before) turn_all(x, turns);
                butterfly(x);
                if constexpr (Where == Turn::after) turn_all(x, turns);
                store_all(re + v, im + v, part * row, x);
            }
}

template <class T, Turn Where>
inline void pass_of(int radix, T* re, T* im, int64_t row, int64_t n, int64_t length, const T* turns) {
    switch (radix) {
        case 3: return pass<T, 3, Where>(re, im, row, n, length, turns);
        case 4: return pass<T, 4, Where>(re, im, row, n, length, turns);
        default: return pass<T, 8, Where>(re, im, row, n, length, turns);
    }
}

// The first passes, all but the last, which has no roots to multiply by.
template <class T>
inline void first_passes(T* strip, int64_t row, const FourierPasses<T>& f) {
    for (int p = 0; p + 1 < f.count; ++p)
        pass_of<T, Turn::after>(f.radix[p], strip, strip + kLine<T>, row, f.n, f.length[p], f.turns[p]);
}
template <class T>
inline void first_passes_back(T* strip, int64_t row, const FourierPasses<T>& f) {
    for (int p = f.count - 1; p-- > 0;)
        pass_of<T, Turn::before>(f.radix[p], strip + kLine<T>, strip, row, f.n, f.length[p], f.turns[p]);
}

template <class T>
void forward(T* tile, int64_t row, int64_t strips, const FourierPasses<T>& f) {
    const int radix = f.radix[f.count - 1];
    for (int64_t s = 0; s < strips; ++s, tile += kPair<T>) {
        first_passes(tile, row, f);
        pass_of<T, Turn::none>(radix, tile, tile + kLine<T>, row, f.n, radix, nullptr);
    }
}
template <class T>
void backward(T* tile, int64_t row, int64_t strips, const FourierPasses<T>& f) {
    const int radix = f.radix[f.count - 1];
    for (int64_t s = 0; s < strips; ++s, tile += kPair<T>) {
        pass_of<T, Turn::none>(radix, tile + kLine<T>, tile, row, f.n, radix, nullptr);
        first_passes_back(tile, row, f);
    }
}

// The last pass forward, the product and the first pass back.
template <class T, int R>
void middle_passes(T* strip, int64_t n, const T* spectrum) {
    for (int64_t first = 0; first < n * kPair<T>; first += R * kPair<T>)
        for (int64_t at = first; at < first + kLine<T>; at += VectorOf<T>::lanes) {
            Complex<Vec<T>> x[R];
            load_all(strip + at, strip + at + kLine<T>, kPair<T>, x);
            butterfly(x);
#pragma GCC unroll 8
            for (int k = 0; k < R; ++k) {
                const T* s = spectrum + at + k * kPair<T>;
                const Complex<Vec<T>> y = product(x[k], load<Vec<T>>(s), load<Vec<T>>(s + kLine<T>));
                x[k] = {y.im, y.re};
            }
            butterfly(x);
            store_all(strip + at + kLine<T>, strip + at, kPair<T>, x);
        }
}

template <class T>
inline void turn_lines(const T* in, int64_t in_row, T* out, int64_t out_row) {
    for (int64_t part = 0; part < kPair<T>; part += kLine<T>)
        transpose<T>(in + part, in_row, kLine<T>, kLine<T>, out + part, out_row);
}

template <class T>
inline void turn_in(const T* tile, int64_t row, int64_t n, T* strip) {
    for (int64_t x = 0; x < n; x += kLine<T>) turn_lines(tile + 2 * x, row, strip + x * kPair<T>, kPair<T>);
}

template <class T>
void filter_rows(T* tile, int64_t row, int64_t strips, const FourierPasses<T>& f, const T* spectrum, T* strip) {
    turn_in(tile, row, f.n, strip);
    first_passes(strip, kPair<T>, f);
    switch (f.radix[f.count - 1]) {
        case 3: middle_passes<T, 3>(strip, f.n, spectrum); break;
        case 4: middle_passes<T, 4>(strip, f.n, spectrum); break;
        default: middle_passes<T, 8>(strip, f.n, spectrum); break;
    }
    first_passes_back(strip, kPair<T>, f);
    for (int64_t s = 0; s < strips; ++s)
        turn_lines(strip + s * kLine<T> * kPair<T>, kPair<T>, tile + s * kPair<T>, row);
}

template <class T>
void transform_rows(const T* tile, int64_t row, const FourierPasses<T>& f, T* strip) {
    turn_in(tile, row, f.n, strip);
    forward(strip, kPair<T>, 1, f);
}

}  // namespace
