// The hot loops of filter banks, one table of them per instruction set.
#pragma once

#include "types.hpp"

namespace imgfilt {

// The widest block of any instruction set, in pixels of a row.
constexpr int kMostColumns = 14;

// What a block sums: for each offset `length` elements of the input from there on, times a vector of weights each.
// Distances count elements; count and length are at least 1.
struct BankRun {
    const int64_t* offsets;
    int64_t count, length;
    int64_t step;      // from a pixel to the next
    int64_t row;       // from a row of pixels to the next
    int64_t sums_row;  // the same in the sums
};

typedef void (*BankBlock)(const BankRun& run, const void* in, const void* weights, void* sums);

template <class T>
struct BankKernelsOf {
    int lanes;    // filters of a vector
    int columns;  // pixels of the widest block of one row; blocks of two rows have at most half as many
    // sums += input x weights. [vectors - 1][rows - 1][columns - 1]; weights are (steps, vectors, lanes), sums (pixels,
    // vectors, lanes).
    BankBlock block[2][2][kMostColumns];
    // out[j * out_row + i] = in[i * in_row + j] for i < rows, j < columns.
    void (*transpose)(const void* in, int64_t in_row, int64_t rows, int64_t columns, void* out, int64_t out_row);
};

struct BankKernels {
    BankKernelsOf<float> f32;
    BankKernelsOf<double> f64;
};

}  // namespace imgfilt
