// The loops of convolution by Fourier transforms, one table of them per instruction set.
//
// A tile is a plane of complex numbers, two real tiles in one: the real parts are the elements of the first, the
// imaginary ones those of the second. In memory each row has, for every 64 bytes of real parts, which are a line, as
// many imaginary ones after them. A strip is a line's width of columns.
#pragma once

#include "types.hpp"

namespace imgfilt {

// A transform of n elements as passes of a few radices. Pass p works on blocks of `length[p]`, which it divides by
// `radix[p]`; `turns` has the roots of unity that it multiplies by, (radix - 1) for each element of a part.
constexpr int kMostPasses = 24;
template <class T>
struct FourierPasses {
    int64_t n = 0;
    int count = 0;
    int radix[kMostPasses] = {};
    int64_t length[kMostPasses] = {};
    const T* turns[kMostPasses] = {};
};

template <class T>
struct FourierKernelsOf {
    // Transforms the columns of so many strips, `row` elements from one row of the tile to the next: forward into the
    // order in which the passes leave them, and from that order back.
    void (*forward)(T* tile, int64_t row, int64_t strips, const FourierPasses<T>& passes);
    void (*backward)(T* tile, int64_t row, int64_t strips, const FourierPasses<T>& passes);
    // The rows of a line's height: turned into `strip` (of passes.n rows), there transformed, multiplied by `spectrum`
    // (a strip, too), transformed back, and so many strips of columns returned to the tile.
    void (*filter_rows)(T* tile, int64_t row, int64_t strips, const FourierPasses<T>& passes, const T* spectrum,
                        T* strip);
    // The first half of it.
    void (*transform_rows)(const T* tile, int64_t row, const FourierPasses<T>& passes, T* strip);
    // n elements so many bytes apart as reals.
    void (*widen[kDTypes])(const char* in, int64_t step, T* out, int64_t n);
    // in - middle to the lines of one part of a tile's row, and zeros until they are `room`. Returns whether an element
    // is not within +-limit.
    bool (*split)(const T* in, int64_t n, int64_t room, T middle, T limit, T* out);
    // A part's n elements + offset, rounded to whole numbers before where wanted, `step` elements apart.
    void (*join_f32)(const T* in, int64_t n, bool whole, double offset, float* out, int64_t step);
    void (*join_f64)(const T* in, int64_t n, bool whole, double offset, double* out, int64_t step);
};

struct FourierKernels {
    FourierKernelsOf<float> f32;
    FourierKernelsOf<double> f64;
};

}  // namespace imgfilt
