#include <algorithm>
#include <cstring>
#include <vector>

#include "bank.hpp"
#include "bank_panels.hpp"

namespace imgfilt {
namespace {

constexpr int64_t kBandPixels = 448;        // of output, whose sums stay near
constexpr int64_t kWeightBytes = 24 << 10;  // of packed weights, to stay in L1
constexpr int64_t kTasksPerThread = 4;

// Taps that follow each other in the windows, a piece of the weights at a time.
struct Piece {
    std::vector<int64_t> offsets;
    int64_t length, first;  // first: the step of the weights
};

template <class T>
class Im2win {
  public:
    Im2win(const BankShape& shape, Windows layout, const Batch& x, const T* weight, const T* bias, const Batch& out)
        : s_(shape),
          layout_(layout),
          x_(x),
          out_(out),
          panels_of_(out, bias),
          weight_(weight),
          bias_(bias),
          k_(bank_kernels<T>()) {
        channels_ = x.channels / s_.groups;
        filters_ = out.channels / s_.groups;
        pitch_ = x.width + s_.left + s_.right;
        steps_ = channels_ * s_.taps();
        wide_ = panels_of_.wide();
        panels_ = (filters_ + wide_ - 1) / wide_;
        images_ = layout == Windows::chwn ? (x.images + 7) / 8 * 8 : layout == Windows::chwn8 ? 8 : 1;
        blocks_ = layout == Windows::chwn ? 1 : layout == Windows::chwn8 ? x.images / 8 : x.images;
        window_row_ = pitch_ * s_.kernel_height * images_;
        quads_ = (filters_ + kImagesFilters - 1) / kImagesFilters;
    }

    void run(int threads) {
        Scratch<T> windows(window_count());
        lower(windows.get(), threads);
        if (images_ == 1) {
            multiply(windows.get(), threads);
            return;
        }
        Scratch<T> weights(s_.groups * quads_ * kImagesFilters * steps_);
        pack_quads(weights.get(), threads);
        multiply_images(windows.get(), weights.get(), threads);
    }

    int64_t workspace(int threads) const {
        const int64_t beside = images_ > 1
                                   ? s_.groups * quads_ * kImagesFilters * steps_
                                   : threads * (band_rows() * out_.width * wide_ + steps_ * wide_ + natural_count());
        return (window_count() + beside) * static_cast<int64_t>(sizeof(T));
    }

  private:
    int64_t window_count() const { return blocks_ * x_.channels * out_.height * window_row_; }
    int64_t band_rows() const {
        return std::min(std::max<int64_t>(1, kBandPixels / out_.width), out_.images * out_.height);
    }

    // The input as windows, in parallel over what lies apart in them.
    void lower(T* windows, int threads) const {
        const std::vector<T> zeros(static_cast<std::size_t>(x_.width), T(0));
        const bool each_channel = layout_ != Windows::nhwc;
        const int64_t parts = each_channel ? blocks_ * x_.channels : x_.images * out_.height;
        share(parts, threads, [&](const auto& next) {
            for (int64_t i; (i = next()) >= 0;) {
                if (layout_ == Windows::nhwc) {
                    lower_channels(i / out_.height, i % out_.height, windows);
                } else {
                    for (int64_t y = 0; y < out_.height; ++y) {
                        T* to = windows + (i * out_.height + y) * window_row_;
                        if (images_ > 1)
                            lower_images(i / x_.channels, i % x_.channels, y, to);
                        else
                            lower_plane(i / x_.channels, i % x_.channels, y, zeros.data(), to);
                    }
                }
            }
        });
    }

    // The row of input that the tap row u meets for the output's row y; null outside.
    const char* row_of(const char* image, int64_t y, int64_t u) const {
        const int64_t row = y * s_.stride_y + u * s_.dilation_y - s_.top;
        return row < 0 || row >= x_.height ? nullptr : image + row * x_.row;
    }

    // (column, tap row)
    void lower_plane(int64_t n, int64_t c, int64_t y, const T* zeros, T* to) const {
        const int64_t kh = s_.kernel_height;
        const char* image = x_.image(n) + c * x_.channel;
        std::memset(to, 0, static_cast<std::size_t>(s_.left * kh) * sizeof(T));
        std::memset(to + (s_.left + x_.width) * kh, 0, static_cast<std::size_t>(s_.right * kh) * sizeof(T));
        to += s_.left * kh;
        if (x_.pixel == sizeof(T)) {
            std::vector<const void*> rows(static_cast<std::size_t>(kh));
            for (int64_t u = 0; u < kh; ++u) {
                const char* row = row_of(image, y, u);
                rows[static_cast<std::size_t>(u)] = row != nullptr ? static_cast<const void*>(row) : zeros;
            }
            k_.interleave(rows.data(), kh, x_.width, to);
            return;
        }
        for (int64_t u = 0; u < kh; ++u) {
            const char* row = row_of(image, y, u);
            for (int64_t x = 0; x < x_.width; ++x) {
                if (row != nullptr)
                    std::memcpy(to + x * kh + u, row + x * x_.pixel, sizeof(T));
                else
                    to[x * kh + u] = T(0);
            }
        }
    }

    // (group)(image, row, column, tap row, channel)
    void lower_channels(int64_t n, int64_t y, T* windows) const {
        const int64_t kh = s_.kernel_height;
        for (int64_t g = 0; g < s_.groups; ++g) {
            T* to = windows + ((g * x_.images + n) * out_.height + y) * window_row_ * channels_;
            const int64_t pixel = kh * channels_;
            std::memset(to, 0, static_cast<std::size_t>(s_.left * pixel) * sizeof(T));
            std::memset(to + (s_.left + x_.width) * pixel, 0, static_cast<std::size_t>(s_.right * pixel) * sizeof(T));
            const char* image = x_.image(n) + g * channels_ * x_.channel;
            for (int64_t u = 0; u < kh; ++u) {
                const char* row = row_of(image, y, u);
                T* at = to + s_.left * pixel + u * channels_;
                for (int64_t x = 0; x < x_.width; ++x, at += pixel) {
                    if (row == nullptr) {
                        for (int64_t c = 0; c < channels_; ++c) at[c] = T(0);
                    } else if (x_.channel == sizeof(T) && channels_ >= 16) {
                        std::memcpy(at, row + x * x_.pixel, static_cast<std::size_t>(channels_) * sizeof(T));
                    } else {
                        for (int64_t c = 0; c < channels_; ++c)
                            std::memcpy(at + c, row + x * x_.pixel + c * x_.channel, sizeof(T));
                    }
                }
            }
        }
    }

    // (column, tap row, image)
    void lower_images(int64_t block, int64_t c, int64_t y, T* to) const {
        const int64_t kh = s_.kernel_height, valid = std::min(images_, x_.images - block * images_);
        const int64_t apart = layout_ == Windows::chwn8 ? x_.inner_stride : x_.outer_stride;
        const char* image = x_.data + (layout_ == Windows::chwn8 ? block * x_.outer_stride : 0) + c * x_.channel;
        std::memset(to, 0, static_cast<std::size_t>(s_.left * kh * images_) * sizeof(T));
        std::memset(to + (s_.left + x_.width) * kh * images_, 0,
                    static_cast<std::size_t>(s_.right * kh * images_) * sizeof(T));
        for (int64_t u = 0; u < kh; ++u) {
            const char* row = row_of(image, y, u);
            T* at = to + (s_.left * kh + u) * images_;
            for (int64_t x = 0; x < x_.width; ++x, at += kh * images_) {
                int64_t done = 0;
                if (row != nullptr && apart == sizeof(T) && valid == 8) {
                    std::memcpy(at, row + x * x_.pixel, 8 * sizeof(T));
                    done = 8;
                } else if (row != nullptr) {
                    for (; done < valid; ++done) std::memcpy(at + done, row + x * x_.pixel + done * apart, sizeof(T));
                }
                for (; done < images_; ++done) at[done] = T(0);
            }
        }
    }

    // Where the tap (u, v) of channel c stands in the windows' order.
    int64_t step_of(int64_t c, int64_t u, int64_t v) const {
        const int64_t in_window = v * s_.kernel_height + u;
        return layout_ == Windows::nhwc ? in_window * channels_ + c : c * s_.taps() + in_window;
    }

    // A panel of filters in the windows' order; `natural` has place for `natural_count` weights.
    void pack_panel(int64_t i, T* natural, T* to) const {
        const int64_t taps = s_.taps(), some = natural_count() / (taps * wide_);
        const int64_t m = i % panels_ * wide_, filters = std::min(filters_ - m, wide_);
        const int64_t lanes = panels_of_.lanes(filters);
        const T* from = weight_ + (i / panels_ * filters_ + m) * steps_;
        if (filters < lanes) std::memset(natural, 0, static_cast<std::size_t>(natural_count()) * sizeof(T));
        for (int64_t c = 0; c < channels_; c += some) {
            const int64_t count = std::min(some, channels_ - c);
            k_.transpose(from + c * taps, steps_, filters, count * taps, natural, lanes);
            const T* row = natural;
            for (int64_t d = c; d < c + count; ++d)
                for (int64_t u = 0; u < s_.kernel_height; ++u)
                    for (int64_t v = 0; v < s_.kernel_width; ++v, row += lanes)
                        std::memcpy(to + step_of(d, u, v) * lanes, row, static_cast<std::size_t>(lanes) * sizeof(T));
        }
    }
    int64_t natural_count() const { return std::clamp<int64_t>(256 / s_.taps(), 1, channels_) * s_.taps() * wide_; }

    void pack_quads(T* to, int threads) const {
        share(s_.groups * quads_, threads, [&](const auto& next) {
            for (int64_t i; (i = next()) >= 0;) {
                const int64_t m = i % quads_ * kImagesFilters,
                              filters = std::min<int64_t>(filters_ - m, kImagesFilters);
                T* quad = to + i * steps_ * kImagesFilters;
                for (int64_t f = 0; f < kImagesFilters; ++f) {
                    const T* from = weight_ + (i / quads_ * filters_ + m + f) * steps_;
                    for (int64_t c = 0; c < channels_; ++c)
                        for (int64_t u = 0; u < s_.kernel_height; ++u)
                            for (int64_t v = 0; v < s_.kernel_width; ++v)
                                quad[step_of(c, u, v) * kImagesFilters + f] = f < filters ? *from++ : T(0);
                }
            }
        });
    }

    // The runs of taps of one output, in pieces whose weights stay in L1.
    std::vector<Piece> pieces() const {
        const bool dense = s_.dilation_x == 1;
        const int64_t most = std::max<int64_t>(1, kWeightBytes / (wide_ * static_cast<int64_t>(sizeof(T))));
        const int64_t apart = s_.dilation_x * s_.kernel_height, columns = dense ? 1 : s_.kernel_width;
        const int64_t run = s_.taps() / columns;
        std::vector<Piece> found;
        if (layout_ == Windows::nhwc) {
            for (int64_t v = 0; v < columns; ++v)
                for (int64_t q = 0; q < run * channels_; q += most)
                    found.push_back(
                        {{v * apart * channels_ + q}, std::min(most, run * channels_ - q), v * run * channels_ + q});
            return found;
        }
        const int64_t some = std::max<int64_t>(1, most / s_.taps()), plane = out_.height * window_row_;
        for (int64_t c = 0; c < channels_; c += some) {
            found.push_back({{}, run, c * s_.taps()});
            for (int64_t d = c; d < std::min(c + some, channels_); ++d)
                for (int64_t v = 0; v < columns; ++v) found.back().offsets.push_back(d * plane + v * apart);
        }
        return found;
    }

    void multiply(const T* windows, int threads) const {
        const int64_t all = out_.images * out_.height, rows = band_rows(), bands = (all + rows - 1) / rows;
        const int64_t wanted = threads == 1 ? 1 : threads * kTasksPerThread;
        const int64_t parts = std::clamp<int64_t>((wanted + bands * s_.groups - 1) / (bands * s_.groups), 1, panels_);
        const bool last = layout_ == Windows::nhwc;
        const int64_t step = s_.stride_x * s_.kernel_height * (last ? channels_ : 1);
        const std::vector<Piece> taps = pieces();
        share(s_.groups * bands * parts, threads, [&](const auto& next) {
            Scratch<T> sums(rows * out_.width * wide_), packed(steps_ * wide_), natural(natural_count());
            std::vector<int64_t> bases;
            for (int64_t task; (task = next()) >= 0;) {
                const int64_t part = task % parts, band = task / parts % bands, g = task / parts / bands;
                const int64_t first = band * rows, end = std::min(all, first + rows);
                bases.clear();
                for (int64_t r = first; r < end; ++r) {
                    const int64_t n = r / out_.height, y = r % out_.height;
                    bases.push_back(last ? ((g * x_.images + n) * out_.height + y) * window_row_ * channels_
                                         : ((n * s_.groups + g) * channels_ * out_.height + y) * window_row_);
                }
                for (int64_t p = panels_ * part / parts; p < panels_ * (part + 1) / parts; ++p) {
                    const int64_t m = p * wide_, filters = std::min(filters_ - m, wide_);
                    const int64_t lanes = panels_of_.lanes(filters), at = g * filters_ + m;
                    panels_of_.begin(at, filters, lanes, (end - first) * out_.width, sums.get());
                    pack_panel(g * panels_ + p, natural.get(), packed.get());
                    for (const Piece& piece : taps) {
                        const BankRun run{
                            piece.offsets.data(), static_cast<int64_t>(piece.offsets.size()), piece.length, step, 0, 0};
                        panels_of_.blocks(run, lanes, bases, windows, packed.get() + piece.first * lanes, sums.get());
                    }
                    for (int64_t r = first; r < end; ++r)
                        panels_of_.finish(r / out_.height, r % out_.height, at, filters, lanes,
                                          sums.get() + (r - first) * out_.width * lanes);
                }
            }
        });
    }

    void multiply_images(const T* windows, const T* weights, int threads) const {
        const bool dense = s_.dilation_x == 1;
        const int64_t plane = out_.height * window_row_, kh = s_.kernel_height;
        std::vector<int64_t> offsets;
        for (int64_t c = 0; c < channels_; ++c)
            for (int64_t v = 0; v < (dense ? 1 : s_.kernel_width); ++v)
                offsets.push_back(c * plane + v * s_.dilation_x * kh * images_);
        ImagesRun run{};
        run.offsets = offsets.data();
        run.count = static_cast<int64_t>(offsets.size());
        run.length = dense ? s_.taps() : kh;
        run.images = images_;
        run.step = s_.stride_x * kh * images_;
        run.out_filter = out_.channel;
        run.out_pixel = out_.pixel;
        run.out_image = layout_ == Windows::chwn8 ? out_.inner_stride : out_.outer_stride;
        const int64_t pieces = (out_.width + k_.pixels - 1) / k_.pixels;
        share(s_.groups * blocks_ * out_.height, threads, [&](const auto& next) {
            ImagesRun one = run;
            T bias[kImagesFilters];
            for (int64_t task; (task = next()) >= 0;) {
                const int64_t y = task % out_.height, block = task / out_.height % blocks_;
                const int64_t g = task / out_.height / blocks_;
                const T* row = windows + ((block * x_.channels + g * channels_) * out_.height + y) * window_row_;
                char* to = out_.data + (layout_ == Windows::chwn8 ? block * out_.outer_stride : 0) + y * out_.row;
                const int64_t valid = std::min(images_, x_.images - block * images_);
                for (int64_t piece = 0; piece < pieces; ++piece) {
                    const int64_t x = out_.width * piece / pieces, end = out_.width * (piece + 1) / pieces;
                    for (int64_t quad = 0; quad < quads_; ++quad) {
                        const int64_t m = g * filters_ + quad * kImagesFilters;
                        one.filters = std::min<int64_t>(kImagesFilters, filters_ - quad * kImagesFilters);
                        for (int64_t f = 0; f < kImagesFilters; ++f)
                            bias[f] = bias_ != nullptr && f < one.filters ? bias_[m + f] : T(0);
                        for (int64_t n = 0; n < valid;) {
                            const int64_t left = images_ - n, lanes = left >= k_.lanes ? k_.lanes : k_.few;
                            one.valid = valid - n;
                            k_.images[left >= k_.lanes ? 0 : 1][end - x - 1](
                                one, row + x * one.step + n, weights + (g * quads_ + quad) * steps_ * kImagesFilters,
                                bias, to + m * out_.channel + x * out_.pixel + n * one.out_image);
                            n += lanes;
                        }
                    }
                }
            }
        });
    }

    const BankShape s_;
    const Windows layout_;
    const Batch x_, out_;
    const Panels<T> panels_of_;
    const T *weight_, *bias_;
    const BankKernelsOf<T>& k_;
    int64_t channels_, filters_, pitch_, steps_, wide_, panels_, images_, blocks_, window_row_, quads_;
};

}  // namespace

void bank_im2win(const BankShape& shape, Windows layout, const Batch& x, const void* weight, const void* bias,
                 const Batch& out, int threads) {
    if (x.dtype == DType::f32)
        Im2win<float>(shape, layout, x, static_cast<const float*>(weight), static_cast<const float*>(bias), out)
            .run(threads);
    else
        Im2win<double>(shape, layout, x, static_cast<const double*>(weight), static_cast<const double*>(bias), out)
            .run(threads);
}

int64_t bank_im2win_workspace(const BankShape& shape, Windows layout, const Batch& x, const Batch& out, int threads) {
    return x.dtype == DType::f32 ? Im2win<float>(shape, layout, x, nullptr, nullptr, out).workspace(threads)
                                 : Im2win<double>(shape, layout, x, nullptr, nullptr, out).workspace(threads);
}

}  // namespace imgfilt
