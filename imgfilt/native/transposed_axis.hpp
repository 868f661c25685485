// One axis of a transposed convolution as phases: the outputs whose place, with the padding, leaves the same remainder
// after division by the stride see the same taps.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace imgfilt {

// The tap adds the element `shift` before an output's quotient.
struct PhaseTap {
    int64_t index, shift;
};

// Outputs first, first + stride, ...: `count` of them; output t of them has the quotient + t. Taps by their shift.
struct Phase {
    int64_t first, count, quotient;
    std::vector<PhaseTap> taps;
};

struct Axis {
    int64_t in, out, stride, pad;
    int64_t reach = 0;  // the largest shift
    std::vector<Phase> phases;

    Axis(int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t pad, int64_t dilation)
        : in(in), out(out), stride(stride), pad(pad) {
        for (int64_t k = 0; k < std::min(stride, out); ++k) {
            Phase phase{k, (out - k + stride - 1) / stride, (k + pad) / stride, {}};
            for (int64_t u = 0; u < kernel; ++u)
                if (u * dilation % stride == (k + pad) % stride) phase.taps.push_back({u, u * dilation / stride});
            phases.push_back(std::move(phase));
        }
        for (const Phase& phase : phases)
            for (const PhaseTap& tap : phase.taps) reach = std::max(reach, tap.shift);
    }

    int64_t quotient(int64_t o) const { return (o + pad) / stride; }
    const Phase& phase_of(int64_t o) const { return phases[static_cast<std::size_t>(o % stride)]; }

    // Elements of the input that the outputs first .. end - 1 may see: the first, and the one after the last.
    int64_t in_first(int64_t first) const { return std::clamp<int64_t>(quotient(first) - reach, 0, in); }
    int64_t in_end(int64_t end) const { return std::clamp<int64_t>(quotient(end - 1) + 1, 0, in); }
};

}  // namespace imgfilt
