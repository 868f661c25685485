// The hot loops of transposed convolutions, one table of them per instruction set.
#pragma once

#include "types.hpp"

namespace imgfilt {

// The widest block of pixels of any instruction set, the most filters of a block of whole vectors of pixels, and how
// many sizes of the latter there are: 1, 2 and 4 vectors.
constexpr int kMostPixels = 14;
constexpr int kMostFilters = 4;
constexpr int kPixelSizes = 3;

// One term of a sum: where its element of the input and its weight lie, in elements from the block's first.
struct Term {
    int64_t in, weight;
};

// sums[row][x] += in[row][x] * weights for all terms, a vector or two of filters for each pixel. Pixels of the input
// are neighbours; distances count elements.
struct FilterBlock {
    const Term* terms;
    int64_t count;                 // at least 1
    int64_t in_row;                // from a row of pixels to the next
    int64_t sums_pixel, sums_row;  // from a pixel's sums to the next, and from a row's
};
typedef void (*FilterKernel)(const FilterBlock& block, const void* in, const void* weights, void* sums);

// The same with vectors of pixels, for filters whose weights lie `weights_filter` apart. `first`: the sums begin with
// `bias` (one element a filter), whatever they were.
struct PixelBlock {
    const Term* terms;
    int64_t count;  // at least 1
    int64_t weights_filter, sums_filter;
    const void* bias;
    bool first;
};
typedef void (*PixelKernel)(const PixelBlock& block, const void* in, const void* weights, void* sums);

// Whole rows of some filters from the sums of up to four phases each, n outputs interleaved: output i is that of phase
// i % phases at pixel i / phases. All phases begin with `bias`; a count may be 0.
constexpr int kMostPhases = 4;
struct PhaseRow {
    const Term* terms[kMostPhases];
    int64_t count[kMostPhases];
    const void* in[kMostPhases];  // a phase's first pixel
    const void* weights;
    int64_t weights_filter;
    const void* bias;
    void* out[kMostFilters];
    int64_t n;
};
typedef void (*RowKernel)(const PhaseRow& row);

template <class T>
struct TransposedKernelsOf {
    int lanes;          // elements of a vector
    int pixels;         // of the widest filter block of one row; those of two rows have at most half as many
    int pixel_vectors;  // of the widest pixel block
    FilterKernel filter_block[2][2][kMostPixels];        // [vectors - 1][rows - 1][pixels - 1]
    PixelKernel pixel_block[kMostFilters][kPixelSizes];  // [filters - 1][log2(vectors)]
    RowKernel phase_row[kMostPhases][kMostFilters];      // [phases - 1][filters - 1]
    // out[t * count + k] = lines[k * pitch + t] for the first n elements of `out`.
    void (*interleave)(const void* lines, int64_t pitch, int64_t count, void* out, int64_t n);
    // sums[i] += in[i]
    void (*add)(void* sums, const void* in, int64_t n);
    // out[j * out_row + i] = in[i * in_row + j] for i < rows, j < columns.
    void (*transpose)(const void* in, int64_t in_row, int64_t rows, int64_t columns, void* out, int64_t out_row);
};

struct TransposedKernels {
    TransposedKernelsOf<float> f32;
    TransposedKernelsOf<double> f64;
};

}  // namespace imgfilt
