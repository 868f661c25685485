// Transposed convolutions in vectors of pixels: where there are few filters.
#include "transposed_state.hpp"

#include <cstring>

namespace imgfilt {

template <class T>
void Transposed<T>::pixel_row(const Task& t, int64_t y, const T* input, T* lines) const {
    const int64_t phases = static_cast<int64_t>(ax_.phases.size()), taps = s_.taps();
    for (int64_t m = 0; m < filters_; m += kMostFilters) {
        const int64_t filters = std::min<int64_t>(kMostFilters, filters_ - m);
        T bias[kMostFilters] = {};
        for (int64_t f = 0; f < filters && bias_ != nullptr; ++f) bias[f] = bias_[t.group * filters_ + m + f];
        const T* weights = weight_ + (t.group * channels_ * filters_ + m) * taps;
        if (in_registers_) {
            phase_row(t, y, m, filters, input, weights, bias, lines);
            continue;
        }
        add_lines(t, y, filters, input, weights, bias, lines);
        for (int64_t f = 0; f < filters; ++f)
            emit_row(k_, lines + f * phases * line_, line_, phases, out_, t.image, t.group * filters_ + m + f, y);
    }
}

// All phases of a row in registers until their sums are interleaved: where each has one run.
template <class T>
void Transposed<T>::phase_row(const Task& t, int64_t y, int64_t m, int64_t filters, const T* input, const T* weights,
                              const T* bias, T* rows) const {
    const int64_t phases = static_cast<int64_t>(ax_.phases.size()), quotient = ay_.quotient(y);
    PhaseRow row{{}, {}, {}, weights, s_.taps(), bias, {}, out_.width};
    for (std::size_t r = first_run_[static_cast<std::size_t>(y % ay_.stride)]; r < runs_.size(); ++r) {
        if (runs_[r].phase_y != y % ay_.stride) break;
        const int64_t kx = runs_[r].phase_x;
        int64_t first;
        meeting(runs_[r], quotient, channels_, first, row.count[kx]);
        row.terms[kx] = terms_[0][r].data() + first;
        row.in[kx] = input + (quotient - t.in_row) * pitch_ + ax_.phases[static_cast<std::size_t>(kx)].quotient - left_;
    }
    const bool direct = out_.pixel == static_cast<int64_t>(sizeof(T));
    char* to = out_.data + t.image * out_.image + (t.group * filters_ + m) * out_.channel + y * out_.row;
    for (int64_t f = 0; f < filters; ++f)
        row.out[f] = direct ? static_cast<void*>(to + f * out_.channel) : rows + f * out_.width;
    k_.phase_row[phases - 1][filters - 1](row);
    for (int64_t f = 0; f < filters && !direct; ++f)
        for (int64_t x = 0; x < out_.width; ++x)
            std::memcpy(to + f * out_.channel + x * out_.pixel, rows + f * out_.width + x, sizeof(T));
}

// The phases of a row to lines of their own, run by run.
template <class T>
void Transposed<T>::add_lines(const Task& t, int64_t y, int64_t filters, const T* input, const T* weights,
                              const T* bias, T* lines) const {
    const int64_t phases = static_cast<int64_t>(ax_.phases.size()), quotient = ay_.quotient(y);
    std::size_t r = first_run_[static_cast<std::size_t>(y % ay_.stride)];
    for (int64_t kx = 0; kx < phases; ++kx) {
        const Phase& phase = ax_.phases[static_cast<std::size_t>(kx)];
        bool begun = false;
        T* sums = lines + kx * line_;
        for (; r < runs_.size() && runs_[r].phase_y == y % ay_.stride && runs_[r].phase_x == kx; ++r) {
            int64_t first, count;
            meeting(runs_[r], quotient, channels_, first, count);
            if (count == 0) continue;
            const PixelBlock block{terms_[0][r].data() + first, count, s_.taps(), phases * line_, bias, !begun};
            begun = true;
            pixel_blocks(block, filters, input + (quotient - t.in_row) * pitch_ + phase.quotient - left_, weights, sums,
                         phase.count);
        }
        for (int64_t f = 0; f < filters && !begun; ++f) std::fill_n(sums + f * phases * line_, phase.count, bias[f]);
    }
}

template <class T>
void Transposed<T>::pixel_blocks(const PixelBlock& block, int64_t filters, const T* in, const T* weights, T* sums,
                                 int64_t pixels) const {
    int64_t left = (pixels + k_.lanes - 1) / k_.lanes;
    for (int size = kPixelSizes - 1; size >= 0; --size) {
        const int64_t vectors = int64_t{1} << size;
        if (vectors > k_.pixel_vectors) continue;
        const PixelKernel kernel = k_.pixel_block[filters - 1][size];
        for (; left >= vectors; left -= vectors) {
            kernel(block, in, weights, sums);
            in += vectors * k_.lanes;
            sums += vectors * k_.lanes;
        }
    }
}

// The members defined here.
template class Transposed<float>;
template class Transposed<double>;

}  // namespace imgfilt
