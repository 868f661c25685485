// The columns of a transposed convolution, one a tap, added up: col2im.
#include "transposed_state.hpp"

#include <algorithm>

namespace imgfilt {
namespace {

template <class T>
void col2im_of(const TransposedShape& s, const T* cols, int64_t height, int64_t width, const T* bias,
               const Planes& out) {
    const TransposedKernelsOf<T>& k = kernels_of<T>();
    const Axis ay(height, out.height, s.kernel_height, s.stride_y, s.top, s.dilation_y);
    const Axis ax(width, out.width, s.kernel_width, s.stride_x, s.left, s.dilation_x);
    const int64_t phases = static_cast<int64_t>(ax.phases.size()), pitch = ax.phases[0].count;
    std::vector<T> lines(static_cast<std::size_t>(phases * pitch));
    for (int64_t m = 0; m < out.channels; ++m)
        for (int64_t y = 0; y < out.height; ++y) {
            std::fill(lines.begin(), lines.end(), bias != nullptr ? bias[m] : T(0));
            for (const PhaseTap& u : ay.phase_of(y).taps) {
                const int64_t row = ay.quotient(y) - u.shift;
                if (row < 0 || row >= height) continue;
                for (int64_t kx = 0; kx < phases; ++kx) {
                    const Phase& phase = ax.phases[static_cast<std::size_t>(kx)];
                    for (const PhaseTap& v : phase.taps) {
                        // Output t of the phase gets the element at t + from.
                        const int64_t from = phase.quotient - v.shift;
                        const int64_t first = std::max<int64_t>(0, -from), end = std::min(phase.count, width - from);
                        if (first >= end) continue;
                        const int64_t plane = (m * s.kernel_height + u.index) * s.kernel_width + v.index;
                        k.add(lines.data() + kx * pitch + first, cols + (plane * height + row) * width + first + from,
                              end - first);
                    }
                }
            }
            emit_row(k, lines.data(), pitch, phases, out, 0, m, y);
        }
}

}  // namespace

void col2im(const TransposedShape& shape, const void* cols, int64_t height, int64_t width, const void* bias,
            const Planes& out) {
    if (out.dtype == DType::f32)
        col2im_of(shape, static_cast<const float*>(cols), height, width, static_cast<const float*>(bias), out);
    else
        col2im_of(shape, static_cast<const double*>(cols), height, width, static_cast<const double*>(bias), out);
}

}  // namespace imgfilt
