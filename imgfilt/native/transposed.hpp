// Transposed convolutions: each element of the input, times the kernel, is added to the output `stride` apart.
#pragma once

#include "types.hpp"

namespace imgfilt {

// A batch of images with any strides, in bytes.
struct Planes {
    char* data = nullptr;
    int64_t images = 0, channels = 0, height = 0, width = 0;
    int64_t image = 0, channel = 0, row = 0, pixel = 0;
    DType dtype = DType::f32;
};

struct TransposedShape {
    int64_t kernel_height, kernel_width;
    int64_t stride_y, stride_x;
    int64_t top, left;  // rows and columns that the output lacks
    int64_t dilation_y, dilation_x;
    int64_t groups;

    int64_t taps() const { return kernel_height * kernel_width; }
};

// segregated: an output sums the taps of its phase, out of stride_y * stride_x sub-kernels.
// scatter: tap by tap, every element of the input is added to the output that the tap moves it to.
// zero_insert: all taps over a map in which stride - 1 zeros follow each element.
// All three work in bands that stay in the caches, and share their register blocks.
enum class TransposedMethod : int { segregated = 0, scatter = 1, zero_insert = 2 };

// `weight` is (channels, filters / groups, kernel) without gaps, `bias` may be null; both have the images' type, f32 or
// f64. Shapes have been checked. `out` overlaps nothing.
void transposed(TransposedMethod method, const TransposedShape& shape, const Planes& x, const void* weight,
                const void* bias, const Planes& out, int threads);

// The bytes that `transposed` allocates for batches of these sizes.
int64_t transposed_workspace(TransposedMethod method, const TransposedShape& shape, const Planes& x, const Planes& out,
                             int threads);

// out[m] = bias[m] + the planes of cols (filters, kernel, height, width), each moved by its tap. One image, without
// gaps in `cols`; height and width are those of the input.
void col2im(const TransposedShape& shape, const void* cols, int64_t height, int64_t width, const void* bias,
            const Planes& out);

}  // namespace imgfilt
