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

// A block whose lanes are images: kImagesFilters filters by some pixels of a row of windows, (channel, column, tap row,
// image). Distances in the input count elements, those in the output bytes.
constexpr int kImagesFilters = 4;
constexpr int kMostImagesPixels = 6;
struct ImagesRun {
    int64_t channels, plane;  // plane: from a channel of the windows to the next
    int64_t kernel_height, kernel_width;
    int64_t images;                       // from a tap's element of the windows to that of the next row
    int64_t column;                       // the same for tap columns
    int64_t step;                         // from a pixel to the next
    const void* weights[kImagesFilters];  // of each filter, (channel, tap row, tap column)
    int64_t filters;                      // that are stored, of kImagesFilters
    int64_t valid;                        // images that are stored; may be more than a vector has
    int64_t out_filter, out_pixel, out_image;
};

// out = bias + input x weights
typedef void (*ImagesBlock)(const ImagesRun& run, const void* in, const void* bias, void* out);

// A block whose lanes are neighbouring pixels of a row: for each offset one weight a filter. Distances count elements.
constexpr int kRowsFilters = 4;
constexpr int kMostRowsVectors = 8;
struct RowsRun {
    const int64_t* offsets;
    int64_t count;
    int64_t sums_row;  // from a filter's sums to the next one's
};

// sums += input x weights; weights are (offsets, filters), sums (filters, pixels).
typedef void (*RowsBlock)(const RowsRun& run, const void* in, const void* weights, void* sums);

template <class T>
struct BankKernelsOf {
    int lanes;    // filters of a vector
    int columns;  // pixels of the widest block of one row; blocks of two rows have at most half as many
    // sums += input x weights. [vectors - 1][rows - 1][columns - 1]; weights are (steps, vectors, lanes), sums (pixels,
    // vectors, lanes).
    BankBlock block[2][2][kMostColumns];
    // [whole vectors, or at most eight images][pixels - 1]; `pixels` is the most, `few` the lanes of the second.
    int pixels, few;
    ImagesBlock images[2][kMostImagesPixels];
    // [filters - 1][vectors of pixels - 1], and the most vectors for so many filters.
    int rows_vectors[kRowsFilters];
    RowsBlock rows[kRowsFilters][kMostRowsVectors];
    // out[j * out_row + i] = in[i * in_row + j] for i < rows, j < columns.
    void (*transpose)(const void* in, int64_t in_row, int64_t rows, int64_t columns, void* out, int64_t out_row);
    // out[i * count + j] = rows[j][i] for i < n.
    void (*interleave)(const void* const* rows, int64_t count, int64_t n, void* out);
    // out[i] += the sum over u < count of weights[u * weight_step] * in[u * in_step + i], for i < n.
    void (*add_shifted)(const void* in, int64_t in_step, const void* weights, int64_t weight_step, int64_t count,
                        void* out, int64_t n);
    // out (rows, columns) = left (rows, inner) x right (inner, columns) in three plain loops.
    void (*plain_product)(const void* left, int64_t left_row, const void* right, int64_t right_row, void* out,
                          int64_t out_row, int64_t rows, int64_t inner, int64_t columns);
};

struct BankKernels {
    BankKernelsOf<float> f32;
    BankKernelsOf<double> f64;
};

}  // namespace imgfilt
