// Correlation by Fourier transforms of overlapping tiles: overlap-save (Stockham, High-speed convolution and
// correlation, 1966).
#pragma once

#include <memory>
#include <vector>

#include "program.hpp"
#include "types.hpp"

namespace imgfilt {

// The radices of a transform of n elements, first pass first. Throws std::invalid_argument unless n is a power of two
// from 16 on, or three times one.
std::vector<int> fourier_radices(int64_t n);

struct FourierOptions {
    int64_t anchor_y = 0, anchor_x = 0;
    int64_t ny = 0, nx = 0;       // sizes of a tile
    bool wide = false;            // transforms in 53 bits, else in 24
    DType response = DType::f32;  // f32 or f64
    bool whole = false;           // responses are whole numbers, and known to be within a half of them
    double middle = 0;            // taken from all elements before they are transformed ...
    double offset = 0;            // ... and what the responses lack for that
    double limit = 0;             // elements beyond are left out, and the responses that they reach summed directly
    int64_t stride_y = 1, stride_x = 1;  // every so many rows and columns of the response are wanted
};

// Immutable once made; may be run by any number of threads at once.
class Fourier {
  public:
    // `weights` (height, width) of float64. Throws std::invalid_argument where a tile has no room for a response.
    Fourier(const View& weights, const FourierOptions& options);
    ~Fourier();

    // What `pixels` makes of the response to `in`. The bits are the same for any `threads`; `cval` is an element.
    void run(const View& in, const Program& pixels, const View& out, Border border, double cval, int threads) const;

    // Bytes that each thread needs.
    int64_t workspace(int64_t channels) const;

  private:
    template <class T>
    struct Of;
    std::unique_ptr<const Of<float>> narrow_;
    std::unique_ptr<const Of<double>> wide_;
};

}  // namespace imgfilt
