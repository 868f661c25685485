// Transposed convolutions in vectors of filters, panel by panel.
#include "transposed_state.hpp"

#include <cstring>

namespace imgfilt {

// Weights of some channels for a panel of filters to (channel, tap, filter), zeros for filters that there are none.
template <class T>
void Transposed<T>::pack(int64_t group, int64_t p, int64_t c, int64_t channels, T* to) const {
    const int64_t taps = s_.taps();
    if (filters_of(p) < wide_)
        for (int64_t tap = 0; tap < taps; ++tap)
            std::memset(to + tap * tap_distance_, 0, static_cast<std::size_t>(channels * wide_) * sizeof(T));
    const T* from = weight_ + ((group * channels_ + c) * filters_ + p * wide_) * taps;
    for (int64_t i = 0; i < channels; ++i)
        k_.transpose(from + i * filters_ * taps, taps, filters_of(p), taps, to + i * wide_, tap_distance_);
}

template <class T>
void Transposed<T>::panel(const Task& t, int64_t p, const T* input, T* sums, const T* all, T* weights) const {
    const int64_t lanes = lanes_of(p), m = t.group * filters_ + p * wide_, filters = filters_of(p);
    const int64_t rows = t.end - t.first;
    begin(m, filters, lanes, t.images * rows * out_.width, sums);
    for (int64_t c = 0; c < channels_; c += block_channels_) {
        const int64_t channels = std::min(block_channels_, channels_ - c);
        const T* packed = weights;
        if (all != nullptr)
            packed = all + (t.group * panels_ + p) * panel_size() + c * wide_;
        else
            pack(t.group, p, c, channels, weights);
        for (std::size_t r = 0; r < runs_.size(); ++r) {
            const std::vector<Term>& terms = terms_[channels == block_channels_ ? 0 : 1][r];
            for (int64_t n = 0; n < t.images; ++n)
                filter_rows(t, runs_[r], terms.data(), channels, lanes, input + (n * channels_ + c) * plane_, packed,
                            sums + n * rows * out_.width * lanes);
        }
    }
    for (int64_t n = 0; n < t.images; ++n)
        for (int64_t y = 0; y < rows; ++y)
            finish(t.image + n, t.first + y, m, filters, lanes, sums + (n * rows + y) * out_.width * lanes);
}

template <class T>
void Transposed<T>::begin(int64_t m, int64_t filters, int64_t lanes, int64_t pixels, T* sums) const {
    if (bias_ == nullptr) {
        std::memset(sums, 0, static_cast<std::size_t>(pixels * lanes) * sizeof(T));
        return;
    }
    for (int64_t l = 0; l < lanes; ++l) sums[l] = l < filters ? bias_[m + l] : T(0);
    for (int64_t i = 1; i < pixels; ++i)
        std::memcpy(sums + i * lanes, sums, static_cast<std::size_t>(lanes) * sizeof(T));
}

// All rows of the run's phase in a band: two at once where a row is short and the same taps meet both.
template <class T>
void Transposed<T>::filter_rows(const Task& t, const TapRun& run, const Term* terms, int64_t channels, int64_t lanes,
                                const T* input, const T* weights, T* sums) const {
    const Phase& phase = ax_.phases[static_cast<std::size_t>(run.phase_x)];
    const int64_t pixels = run.end - run.first, step = ay_.stride;
    const auto& kernel = k_.filter_block[lanes / k_.lanes - 1];
    const T* in = input + phase.quotient + run.first - left_;
    T* const to = sums + (phase.first + run.first * ax_.stride) * lanes;
    FilterBlock block{nullptr, 0, pitch_, ax_.stride * lanes, step * out_.width * lanes};
    int64_t y = t.first + (run.phase_y - t.first % step + step) % step;
    while (y < t.end) {
        int64_t first, first_below = -1, count_below = 0;
        meeting(run, ay_.quotient(y), channels, first, block.count);
        block.terms = terms + first;
        const T* const row = in + (ay_.quotient(y) - t.in_row) * pitch_;
        T* const row_sums = to + (y - t.first) * out_.width * lanes;
        if (pixels <= k_.pixels / 2 && y + step < t.end)
            meeting(run, ay_.quotient(y) + 1, channels, first_below, count_below);
        const bool pair = first_below == first && count_below == block.count;
        y += pair ? 2 * step : step;
        if (block.count == 0) continue;
        if (pair) {
            kernel[1][pixels - 1](block, row, weights, row_sums);
            continue;
        }
        const int64_t pieces = (pixels + k_.pixels - 1) / k_.pixels;
        for (int64_t i = 0; i < pieces; ++i) {
            const int64_t x = pixels * i / pieces, count = pixels * (i + 1) / pieces - x;
            kernel[0][count - 1](block, row + x, weights, row_sums + x * block.sums_pixel);
        }
    }
}

// One row of sums (pixel, filter) to the output.
template <class T>
void Transposed<T>::finish(int64_t n, int64_t y, int64_t m, int64_t filters, int64_t lanes, const T* sums) const {
    char* to = out_.data + n * out_.image + m * out_.channel + y * out_.row;
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

// The members defined here.
template class Transposed<float>;
template class Transposed<double>;

}  // namespace imgfilt
