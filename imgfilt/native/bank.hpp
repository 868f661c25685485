// Filter banks: out[n, m] = bias[m] + the sum over channels c of x[n, c] correlated with weight[m, c].
#pragma once

#include <atomic>
#include <cstdlib>
#include <functional>
#include <new>

#include "types.hpp"

namespace imgfilt {

// A batch of images with any strides, in bytes. Image n is (n / inner, n % inner): blocks of images that stand side by
// side are one layout among others.
struct Batch {
    char* data = nullptr;
    int64_t images = 0, inner = 1, channels = 0, height = 0, width = 0;
    int64_t outer_stride = 0, inner_stride = 0, channel = 0, row = 0, pixel = 0;
    DType dtype = DType::f32;

    char* image(int64_t n) const { return data + n / inner * outer_stride + n % inner * inner_stride; }
};

struct BankShape {
    int64_t kernel_height, kernel_width;
    int64_t stride_y, stride_x;
    int64_t top, bottom, left, right;  // rows and columns of zeros beyond the image
    int64_t dilation_y, dilation_x;
    int64_t groups;

    int64_t span_y() const { return (kernel_height - 1) * dilation_y + 1; }
    int64_t span_x() const { return (kernel_width - 1) * dilation_x + 1; }
    int64_t taps() const { return kernel_height * kernel_width; }
};

// Memory that nobody has written yet, as vectors like it.
template <class T>
class Scratch {
  public:
    explicit Scratch(int64_t count)
        : data_(static_cast<T*>(::operator new(static_cast<std::size_t>(count) * sizeof(T), std::align_val_t{64}))) {}
    ~Scratch() { ::operator delete(data_, std::align_val_t{64}); }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    T* get() const { return data_; }

  private:
    T* data_;
};

// Calls work(next) once on each of at most `threads` threads; next() gives 0 .. count - 1, each to one of them, then
// -1. What a thread needs for its tasks it can so allocate once.
void share(int64_t count, int threads, const std::function<void(const std::function<int64_t()>& next)>& work);

// The register-blocked direct form: bands of the input are copied into L2 with their zeros, and blocks of pixels x
// filters are summed in registers over all channels and taps. `weight` is (filters, channels / groups, kernel) without
// gaps, `bias` may be null; both have the images' type, f32 or f64. Shapes have been checked. `out` overlaps nothing.
void bank_direct(const BankShape& shape, const Batch& x, const void* weight, const void* bias, const Batch& out,
                 int threads);

// The bytes that bank_direct allocates for batches of these sizes.
int64_t bank_direct_workspace(const BankShape& shape, const Batch& x, const Batch& out, int threads);

// im2win: the columns under each row of outputs, kernel height by kernel height, become one row of windows that
// overlap; then the same blocks. Windows are made for a band of rows at a time, which stays in L2. The order of axes is
// that of `layout`; with lanes of images blocks of them are filled up.
enum class Windows : int { nchw = 0, nhwc = 1, chwn = 2, chwn8 = 3 };
void bank_im2win(const BankShape& shape, Windows layout, const Batch& x, const void* weight, const void* bias,
                 const Batch& out, int threads);
int64_t bank_im2win_workspace(const BankShape& shape, Windows layout, const Batch& x, const Batch& out, int threads);

// Scalar times shifted matrix: the columns that a column of taps meets are copied once, and each weight times a shift
// of that copy by whole rows is added to the output, whose planes must have no gaps.
void bank_shifted(const BankShape& shape, const Batch& x, const void* weight, const void* bias, const Batch& out,
                  int threads);
int64_t bank_shifted_workspace(const BankShape& shape, const Batch& x, const Batch& out, int threads);

// The direct form for few filters: blocks of at most four filters by vectors of neighbouring pixels. Arguments as
// above.
void bank_rows(const BankShape& shape, const Batch& x, const void* weight, const void* bias, const Batch& out,
               int threads);
int64_t bank_rows_workspace(const BankShape& shape, const Batch& x, const Batch& out, int threads);

}  // namespace imgfilt
