// What the native backends of filter banks share: sums of rows of pixels by a panel of filters, two vectors wide.
#pragma once

#include <cstring>
#include <vector>

#include "bank.hpp"
#include "dispatch.hpp"

namespace imgfilt {

template <class T>
const BankKernelsOf<T>& bank_kernels() {
    if constexpr (sizeof(T) == sizeof(float))
        return kernels().bank->f32;
    else
        return kernels().bank->f64;
}

template <class T>
class Panels {
  public:
    Panels(const Batch& out, const T* bias) : out_(out), bias_(bias), k_(bank_kernels<T>()) {}

    // Filters of a whole panel, and lanes of one with so many filters.
    int64_t wide() const { return 2 * k_.lanes; }
    int64_t lanes(int64_t filters) const { return filters > k_.lanes ? 2 * k_.lanes : k_.lanes; }

    // The sums of so many pixels become the bias of the filters from m on.
    void begin(int64_t m, int64_t filters, int64_t lanes, int64_t pixels, T* sums) const {
        if (bias_ == nullptr) {
            std::memset(sums, 0, static_cast<std::size_t>(pixels * lanes) * sizeof(T));
            return;
        }
        for (int64_t l = 0; l < lanes; ++l) sums[l] = l < filters ? bias_[m + l] : T(0);
        for (int64_t i = 1; i < pixels; ++i)
            std::memcpy(sums + i * lanes, sums, static_cast<std::size_t>(lanes) * sizeof(T));
    }

    // Adds input x weights for rows of pixels that begin at `bases`; `step` elements from a pixel to the next.
    void blocks(BankRun run, int64_t lanes, const std::vector<int64_t>& bases, const T* input, const T* weights,
                T* sums) const {
        const int64_t width = out_.width, rows = static_cast<int64_t>(bases.size());
        const BankBlock(&table)[2][kMostColumns] = k_.block[lanes / k_.lanes - 1];
        int64_t r = 0;
        run.sums_row = width * lanes;
        if (width <= k_.columns / 2)
            for (; r + 1 < rows; r += 2) {
                run.row = bases[r + 1] - bases[r];
                table[1][width - 1](run, input + bases[r], weights, sums + r * width * lanes);
            }
        const int64_t pieces = (width + k_.columns - 1) / k_.columns;
        for (; r < rows; ++r)
            for (int64_t i = 0; i < pieces; ++i) {
                const int64_t x = width * i / pieces, columns = width * (i + 1) / pieces - x;
                table[0][columns - 1](run, input + bases[r] + x * run.step, weights, sums + (r * width + x) * lanes);
            }
    }

    // One row of sums (pixel, filter) to the output.
    void finish(int64_t n, int64_t y, int64_t m, int64_t filters, int64_t lanes, const T* sums) const {
        char* to = out_.image(n) + m * out_.channel + y * out_.row;
        constexpr int64_t size = sizeof(T);
        if (out_.pixel == size && out_.channel % size == 0) {
            k_.transpose(sums, lanes, out_.width, filters, to, out_.channel / size);
        } else if (out_.channel == size) {
            for (int64_t x = 0; x < out_.width; ++x)
                std::memcpy(to + x * out_.pixel, sums + x * lanes, static_cast<std::size_t>(filters) * size);
        } else {
            for (int64_t l = 0; l < filters; ++l)
                for (int64_t x = 0; x < out_.width; ++x)
                    std::memcpy(to + l * out_.channel + x * out_.pixel, sums + x * lanes + l, size);
        }
    }

  private:
    const Batch out_;
    const T* bias_;
    const BankKernelsOf<T>& k_;
};

}  // namespace imgfilt
